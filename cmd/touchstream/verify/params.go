package verify

import (
	"touchstream/operators/abandonment"
	"touchstream/operators/crowd"
	"touchstream/operators/ropo"
	"touchstream/operators/sessions"
	"touchstream/operators/window"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

// Params are the parts of a configuration that the statements depend on; of an
// operator that does not run they are nil. Durations are milliseconds.
type Params struct {
	Database string
	// Tables are those that the pipeline writes to this database.
	Tables []*schema.Table

	Sources []Source
	// Lateness is the largest allowed lateness of any source.
	Lateness        int64
	Blocked         []string // values that are no identifiers
	Bots            []string // parts of user agents in lower case
	EventsPerMinute int64    // more make a bot

	Sessions    *sessions.Config
	Ropo        *ropo.Config
	Abandonment *abandonment.Config
	Crowd       *crowd.Config
	Windows     []*window.Config
	Venue       *venue.Venue // nil: none

	// Watermark is up to when facts are settled, in ms.
	Watermark int64
	// Told says in the report how that is known.
	Told string
	// Since and Until bound the starts of the facts, [Since, Until) in ms;
	// both 0: all there are.
	Since, Until int64
}

// Source is how the events of one source come.
type Source struct {
	Name                     string
	IsFile, IsSorted         bool
	IsAdvisory               bool // holds no watermark back
	OutOfOrderness, Lateness int64
}

// Has reports whether the pipeline writes the table.
func (p *Params) Has(name string) bool { return p.table(name) != nil }

func (p *Params) table(name string) *schema.Table {
	for _, t := range p.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// isBounded reports whether only the facts of some time are compared.
func (p *Params) isBounded() bool { return p.Since < p.Until }
