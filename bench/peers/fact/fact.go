package fact

// The jobs.
const (
	// GapMS ends a session: events further apart are two sessions.
	GapMS = 30 * 60 * 1000
	// LateMaxMS is how far behind the newest event the watermark is.
	LateMaxMS = 10 * 1000
	// WindowMS is the length of the windows in which events are counted.
	WindowMS = 60 * 1000
)

// FlushKey and FlushEvent are those of records that only move time on, for
// systems that close nothing at the end of their input. Their rows are no facts.
const (
	FlushKey   = "flush"
	FlushEvent = "Flush"
)

// Session is a visit: the events of one anonymousId without a gap longer than
// GapMS. Times are ms UTC, Revenue is in 1/10,000 of the currency's unit.
type Session struct {
	Key          string `json:"key"`
	Start        int64  `json:"start"`
	End          int64  `json:"end"`
	Events       int64  `json:"events"`
	PageViews    int64  `json:"page_views"`
	ProductViews int64  `json:"product_views"`
	Adds         int64  `json:"adds"`
	Orders       int64  `json:"orders"`
	Revenue      int64  `json:"revenue"`
}

// Window counts the events of one name from Start (ms UTC) until WindowMS later.
type Window struct {
	Event  string `json:"event"`
	Start  int64  `json:"start"`
	Events int64  `json:"events"`
}
