package pipeline

import (
	"log/slog"
	"path/filepath"
	"time"

	"touchstream/pipeline/disk"
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/snapshot"
)

// Config is everything that a pipeline is built from. Times and durations are
// milliseconds.
type Config struct {
	Name   string
	Shards int // fixed for the life of the state
	Lanes  int // goroutines that fold

	Sources   []SourceConfig
	Operators []Operator
	Sinks     []SinkConfig
	// NewResolver makes a resolver without state; nil: events have no profile.
	NewResolver func() Resolver

	Hasher *event.Hasher
	// Place fills the store of rows whose sensor or zone implies it; may be nil.
	Place func(b *event.Batch)
	// Bounded: every source ends, then the watermark goes to the end of time.
	Bounded bool
	// MaxRecords bounds a step; MaxWait is how long a live step gathers at most.
	MaxRecords int
	MaxWait    int64
	// Fast: triggers leave with their step, not with its commit.
	Fast bool
	// CommitEvery is the time after which what is folded is made durable and
	// delivered.
	CommitEvery int64
	// Journal keeps commits; nil: no state is kept.
	Journal Journal
	// SnapshotDir is where snapshots lie, SinkDir where sinks keep what must
	// outlive the process, each in a folder of its name.
	SnapshotDir, SinkDir string
	// Disk is the file system of the snapshots; nil: the machine's.
	Disk disk.FS
	// SnapshotEvery is the time between snapshots; SnapshotCopies bounds the
	// bytes of pages that are held twice while one is written.
	SnapshotEvery, SnapshotCopies int64
	// Version is that of the program as far as states depend on it, Plan the
	// settings on which they depend.
	Version string
	Plan    []Setting
	// ComparePlan says why a state made under a former plan cannot go on under
	// this one; replays says that a journal was left to replay. May be nil.
	ComparePlan func(former []Setting, replays bool) error
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

const (
	// commitWaits is what part of the time between commits a step may gather.
	commitWaits = 10
	// fastWait is how long a step gathers when its triggers leave with it, ms.
	fastWait = 1
)

// stepWait is how long a live step gathers when the one before it took so long
// to fold: as long as what it adds to the latency of triggers is little beside
// that of commits, and at least as long as the folding took, up to MaxWait, so
// that the cost of a step, however small, leaves half of the time free. A replay
// makes the same steps again.
func (c *Config) stepWait(folded time.Duration) time.Duration {
	wait := c.CommitEvery / commitWaits
	if c.Fast {
		wait = min(wait, fastWait)
	}
	return min(time.Duration(c.MaxWait)*time.Millisecond, max(time.Duration(wait)*time.Millisecond, folded))
}

// Durable reports whether the state is kept.
func (c *Config) Durable() bool { return c.Journal != nil }

// disk is the file system of the snapshots.
func (c *Config) disk() disk.FS {
	if c.Disk == nil {
		return disk.OS
	}
	return c.Disk
}

func (c *Config) snapshots() snapshot.Store { return snapshot.On(c.disk()) }

// sinkDir is the folder of a sink's own, empty when no state is kept.
func (c *Config) sinkDir(sink string) string {
	if !c.Durable() {
		return ""
	}
	return filepath.Join(c.SinkDir, sink)
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
