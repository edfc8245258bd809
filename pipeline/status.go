package pipeline

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"touchstream/pipeline/event"
)

// State is the pipeline's state as /status shows it.
type State string

// The states.
const (
	Starting State = "starting"
	Running  State = "running"
	Held     State = "held"
	Standby  State = "standby"
	Stopping State = "stopping"
)

// OperatorCounts are an operator's counters since the start.
type OperatorCounts struct {
	Entries, Bytes, Evicted, Revisions, Unknown, Ignored, Late, Errors atomic.Int64
}

// Status is what a running pipeline tells about itself. All of it may be read
// from any goroutine.
type Status struct {
	Records, Bytes, Events, Skipped, Duplicates, NoSession atomic.Int64
	EarlyReleased                                          atomic.Int64
	DeadLetters                                            [event.NumReasons]atomic.Int64
	// Watermark is the pipeline's; event.Absent before the first record.
	Watermark atomic.Int64
	// DedupCovered is the window that the remembered message ids really cover, ms.
	DedupCovered atomic.Int64
	// Buffered are the rows that wait for the watermark.
	Buffered atomic.Int64
	// ReplayRecords are those that were read again after a restart.
	ReplayRecords atomic.Int64
	// SnapshotAt is the wall clock of the newest snapshot, ms, 0: none;
	// SnapshotMicros the time that it took, SnapshotPause that for which the fold
	// stood still.
	SnapshotAt, SnapshotMicros, SnapshotPause atomic.Int64

	began time.Time
	log   *slog.Logger

	full      sync.Once
	mu        sync.Mutex
	state     State
	holds     map[string]*hold
	sources   []SourceStatus
	operators map[string]*OperatorCounts
	rows      map[string]int64
	sinks     []*sinkRunner
	folded    bool // all that was read is folded and every source is at its end
	// uncommitted: steps wait for a commit.
	uncommitted bool
}

func newStatus(log *slog.Logger) *Status {
	return &Status{began: time.Now(), log: log, state: Starting, holds: map[string]*hold{}, operators: map[string]*OperatorCounts{}, rows: map[string]int64{}}
}

// Began is when the pipeline was built.
func (s *Status) Began() time.Time { return s.began }

// holdsMany says once that a reorder buffer was full.
func (s *Status) holdsMany(limit int) {
	s.full.Do(func() {
		s.log.Warn("reorder buffer full: its oldest events go on early, what comes behind them is late",
			"rows_max", limit, "remedy", "raise state.memory_max or lower time.max_out_of_orderness")
	})
}

// Hold says what holds the pipeline and since when.
type Hold struct {
	Where string
	Why   string
	Since time.Time
}

type hold struct {
	status *Status
	where  string
	why    string
	since  time.Time
	active bool
}

// holder gives the hold of a place such as "sinks.warehouse".
func (s *Status) holder(where string) *hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.holds[where]
	if h == nil {
		h = &hold{status: s, where: where}
		s.holds[where] = h
	}
	return h
}

// because says that the place is away; it is logged once.
func (h *hold) because(err error) {
	s := h.status
	s.mu.Lock()
	defer s.mu.Unlock()
	h.why = err.Error()
	if !h.active {
		h.active, h.since = true, time.Now()
		s.log.Warn("held", "where", h.where, "why", h.why)
	}
}

// release says that the place is back.
func (h *hold) release() {
	s := h.status
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.active {
		h.active = false
		s.log.Info("resumed", "where", h.where, "held_for", time.Since(h.since).Round(time.Millisecond).String())
	}
}

// State is the state and what holds the pipeline, if anything.
func (s *Status) State() (State, []Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var holds []Hold
	for _, h := range s.holds {
		if h.active {
			holds = append(holds, Hold{h.where, h.why, h.since})
		}
	}
	slices.SortFunc(holds, func(a, b Hold) int { return strings.Compare(a.Where, b.Where) })
	if s.state == Running && len(holds) > 0 {
		return Held, holds
	}
	return s.state, holds
}

func (s *Status) setState(st State) {
	s.mu.Lock()
	s.state = st
	s.mu.Unlock()
}

// Sources is how the sources stand.
func (s *Status) Sources() []SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources
}

// Rows is the number of rows left so far, by table.
func (s *Status) Rows() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int64, len(s.rows))
	for k, v := range s.rows {
		out[k] = v
	}
	return out
}

// Operator is the counters of an operator; it is made when missing.
func (s *Status) Operator(name string) *OperatorCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.operators[name]
	if c == nil {
		c = &OperatorCounts{}
		s.operators[name] = c
	}
	return c
}

// Operators calls f for each operator's counters.
func (s *Status) Operators(f func(name string, c *OperatorCounts)) {
	s.mu.Lock()
	all := make(map[string]*OperatorCounts, len(s.operators))
	for k, v := range s.operators {
		all[k] = v
	}
	s.mu.Unlock()
	for k, v := range all {
		f(k, v)
	}
}

// SinkStatus says how a sink stands.
type SinkStatus struct {
	Name    string
	Waiting int64 // rows not yet delivered
	Retries int64
	Held    bool
	Cut     float64 // seconds that the newest cut took
}

// Sinks is how the sinks stand.
func (s *Status) Sinks() []SinkStatus {
	s.mu.Lock()
	runners := s.sinks
	s.mu.Unlock()
	out := make([]SinkStatus, 0, len(runners))
	for _, r := range runners {
		h := s.holder("sinks." + r.cfg.Name)
		s.mu.Lock()
		held := h.active
		s.mu.Unlock()
		out = append(out, SinkStatus{Name: r.cfg.Name, Waiting: r.waiting(), Retries: r.retries.Load(), Held: held, Cut: float64(r.cutMicros.Load()) / 1e6})
	}
	return out
}

// setUncommitted notes whether steps wait for a commit.
func (s *Status) setUncommitted(is bool) {
	s.mu.Lock()
	s.uncommitted = is
	s.mu.Unlock()
}

// setSources notes how the sources stand.
func (s *Status) setSources(all []SourceStatus) {
	s.mu.Lock()
	s.sources = all
	s.mu.Unlock()
}

// setFolded notes whether all that was read is folded and on its way to the
// sinks, with every source at its end.
func (s *Status) setFolded(folded bool) {
	s.mu.Lock()
	s.folded = folded
	s.mu.Unlock()
}

// Drained reports whether everything up to the end offsets is folded and
// delivered.
func (s *Status) Drained() bool {
	s.mu.Lock()
	done := s.folded && !s.uncommitted
	s.mu.Unlock()
	if !done {
		return false
	}
	for _, k := range s.Sinks() {
		if k.Waiting > 0 {
			return false
		}
	}
	return true
}
