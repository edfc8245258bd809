package pipeline

import (
	"math"

	"touchstream/pipeline/event"
)

// Bounds of event time as a watermark sees it.
const (
	beginOfTime = math.MinInt64
	endOfTime   = math.MaxInt64
)

// partition is what the reading side knows of one input partition.
type partition struct {
	source int // index into Config.Sources
	index  int // within its source
	lag    int64
	// highest is the highest of min(event time, record timestamp) so far.
	highest int64
	state   ReadState
	idle    bool
	paused  bool // by alignment
	failing bool // the last read failed for now
	left    bool // it did not count at the end of the last step
	known   bool // a step has named it
	// began is where the partition was when it was found, at where it goes on.
	began, at Position
	// sorted: the source was loaded to be sorted, as load tells; skip are the
	// rows that were gone before a restart.
	sorted bool
	load   loadDigest
	skip   int
	// quietSince is the clock when the partition was last read up to its end
	// with nothing new; 0 while it brings records.
	quietSince int64
}

// watermark is the partition's own: highest − out-of-orderness.
func (p *partition) watermark() int64 {
	if p.highest == event.Absent {
		return beginOfTime
	}
	return p.highest - p.lag
}

// observe takes the time of one decoded event and returns the watermark just
// before it.
func (p *partition) observe(eventTime, timestamp int64) int64 {
	before := p.watermark()
	t := eventTime
	if timestamp != event.Absent && timestamp < t {
		t = timestamp
	}
	if p.highest == event.Absent || t > p.highest {
		p.highest = t
	}
	return before
}

// counts reports whether the partition holds the minimum.
func (p *partition) counts() bool { return p.state != Ended && !p.idle }

// quietMax is the most that counts as idle time between two looks at the clock,
// in ms. A quiet pipeline looks every tick; if it has not for longer, it was
// frozen or blocked, or the clock has jumped, and nobody knows what came
// meanwhile: that is still to be read, and may not be late for it.
const quietMax = 2_000

// domainClock keeps one watermark over a set of partitions.
type domainClock struct {
	at       int64
	quietAt  int64 // clock of the last step of this run in which all were quiet
	wasQuiet bool
}

// advance gives the watermark after a step: the minimum over the partitions
// that count. When all are idle or ended it moves on by the time that passes, as
// long as somebody looks; where partitions without events have kept it from
// starting until then, it starts at the lowest of the others. Those that were
// the last to count leave it where they are. It never goes back. now is 0 in a
// bounded run, which knows no idle time.
func (d *domainClock) advance(parts []*partition, in func(*partition) bool, now int64) {
	low, lowest, last, live, known := int64(endOfTime), int64(endOfTime), int64(endOfTime), false, false
	for _, p := range parts {
		if !in(p) {
			continue
		}
		if p.highest != event.Absent {
			known, lowest = true, min(lowest, p.watermark())
			if !p.left {
				last = min(last, p.watermark())
			}
		}
		if p.counts() {
			live = true
			low = min(low, p.watermark())
		}
	}
	if !live && last != endOfTime {
		d.at = max(d.at, last)
	}
	switch {
	case live:
		d.at, d.wasQuiet = max(d.at, low), false
	case known && now > 0:
		if d.at == beginOfTime {
			d.at = lowest
		} else if d.wasQuiet && now > d.quietAt {
			d.at += min(now-d.quietAt, quietMax)
		}
		d.wasQuiet, d.quietAt = true, now
	}
}
