package pipeline

import (
	"log/slog"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// Config is everything that a pipeline is built from. Times and durations are
// milliseconds.
type Config struct {
	Name   string
	Shards int // fixed for the life of the state
	Lanes  int // goroutines that fold

	Sources   []SourceConfig
	Resolver  Resolver // nil: events have no profile
	Operators []Operator
	Sinks     []SinkConfig

	Hasher *event.Hasher
	// Place fills the store of rows whose sensor or zone implies it; may be nil.
	Place func(b *event.Batch)
	// Bounded: every source ends, then the watermark goes to the end of time.
	Bounded bool
	// MaxRecords bounds a step; MaxWait is how long a step gathers.
	MaxRecords int
	MaxWait    int64
	// FlushEvery is the time after which delivered rows are made visible.
	FlushEvery int64
	// Started is the journaled start of the run, the clock of records without
	// a timestamp.
	Started int64
	// DedupWindow is how far the watermark must be past a message id's time
	// for it to be forgotten; 0 looks for no duplicates.
	DedupWindow  int64
	DedupEntries int
	// BufferRows bounds the rows that wait for the watermark, in all shards.
	BufferRows int
	// StopWithin is how long a stop may take to deliver what is folded.
	StopWithin int64

	// Clock is the wall clock in ms; it decides idleness and ticks, never a result.
	Clock func() int64
	Log   *slog.Logger
	// OnStep is told of each finished step; may be nil.
	OnStep func(StepInfo)
}

// SourceConfig is one source with its decoder.
type SourceConfig struct {
	Name       string
	Source     Source
	NewDecoder func() event.Decoder
	Defaults   []event.Default
	// Bots are parts of the user agents of bots, in lower case; none: bots are
	// not looked for.
	Bots []string

	// MaxRecord is the largest record in bytes; longer ones are dead letters.
	MaxRecord      int64
	OutOfOrderness int64
	// AllowedLateness is how long after their end windows and sessions take
	// late events of the source.
	AllowedLateness int64
	// MaxSkew is how far ahead of the slowest partition the source's may be; 0:
	// any distance.
	MaxSkew int64
	// FutureMax is how far ahead of its record's timestamp an event may be.
	FutureMax int64
	IdleAfter int64
	// Advisory sources do not hold back the watermark.
	Advisory bool
	// Sort reads the whole bounded source and orders its events by event time.
	Sort bool
	// CrowdFrom: the source is named in crowd's from.
	CrowdFrom bool
}

// SinkConfig is one sink with the tables that it takes.
type SinkConfig struct {
	Name   string
	Sink   Sink
	Tables []*schema.Table
}

// StepInfo measures a finished step.
type StepInfo struct {
	Records   int
	Seconds   float64
	LaneBusy  []float64 // seconds that each lane worked
	Watermark int64
}

// Lateness is the largest allowed lateness of any source: what windows and
// sessions remember.
func (c *Config) Lateness() int64 {
	longest := int64(0)
	for i := range c.Sources {
		longest = max(longest, c.Sources[i].AllowedLateness)
	}
	return longest
}
