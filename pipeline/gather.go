package pipeline

import (
	"context"
	"time"

	"touchstream/pipeline/event"
)

// stepBytesMax bounds the raw bytes of a step, where MaxRecords of them would
// be too many; each partition has its share, exceeded by one chunk at most.
const stepBytesMax = 64 << 20

// align finds the partitions that alignment holds back: those more than
// max_skew of event time ahead of the slowest one that has records to read. One
// that has records and has brought no event yet is behind all others; one of an
// advisory source that fails holds nobody back. A paused partition is not read,
// so nobody knows whether it is idle.
func (in *input) align() {
	slowest, unknown := int64(endOfTime), false
	for _, p := range in.parts {
		if p.state == HasMore && !(p.failing && in.cfg.Sources[p.source].Advisory) {
			slowest = min(slowest, p.watermark())
			unknown = unknown || p.highest == event.Absent
		}
	}
	for _, p := range in.parts {
		skew := in.cfg.Sources[p.source].MaxSkew
		p.paused = skew > 0 && p.highest != event.Absent && p.state != Ended && slowest != endOfTime &&
			(unknown || p.watermark()-slowest > skew)
		if p.paused {
			p.quietSince, p.idle = 0, false
		}
	}
}

// readable lists the partitions that alignment lets read.
func (in *input) readable() []*partition {
	in.align()
	in.toRead = in.toRead[:0]
	for _, p := range in.parts {
		if p.state != Ended && !p.paused {
			in.toRead = append(in.toRead, p)
		}
	}
	return in.toRead
}

// gatherBounded cuts a step by what the log holds alone: each readable partition
// gives its share or all that it has left.
func (in *input) gatherBounded(ctx context.Context, s *step) {
	parts := in.readable()
	for _, p := range parts {
		in.gatherShare(ctx, s, p, len(parts), true)
		if ctx.Err() != nil || in.broken != nil {
			return
		}
	}
}

// gatherShare reads the share of one of so many partitions and returns whether
// it used it up.
func (in *input) gatherShare(ctx context.Context, s *step, p *partition, parts int, wait bool) (full bool) {
	records, bytes := max(1, in.cfg.MaxRecords/parts), max(1, stepBytesMax/int64(parts))
	if sorted := in.sorted[p.source]; sorted != nil {
		return in.gatherSorted(ctx, s, p, sorted, records)
	}
	for until := s.bytes + bytes; records > 0 && s.bytes < until; {
		n := in.read(ctx, s, p, min(records, chunkRecordsMax), wait)
		if p.state == Ended || in.broken != nil || ctx.Err() != nil || n == 0 && !wait {
			return false
		}
		records -= n
	}
	return true
}

// gather takes what has arrived: at once when there is plenty, else for up to
// stepWait, so that steps are small when idle and large under load.
func (in *input) gather(ctx context.Context, s *step) {
	deadline := time.NewTimer(tick)
	defer deadline.Stop()
	for first := true; ; {
		for in.pass(ctx, s) && !in.enough(ctx, s) {
		}
		if in.enough(ctx, s) {
			return
		}
		if s.records > 0 && first {
			first = false
			deadline.Reset(in.cfg.stepWait(time.Duration(in.folded.Load())))
		}
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		case <-in.ready:
		}
	}
}

// enough reports whether the step is to be closed without waiting for more.
func (in *input) enough(ctx context.Context, s *step) bool {
	return max(s.records, s.sortedRows) >= in.cfg.MaxRecords || s.bytes >= stepBytesMax || in.broken != nil || ctx.Err() != nil
}

// tick is how often a quiet pipeline looks at its clock; tests of many runs make
// it shorter.
var tick = 200 * time.Millisecond

// pass reads a share of each partition, without waiting; it returns whether one
// may have more.
func (in *input) pass(ctx context.Context, s *step) (more bool) {
	parts := in.readable()
	for _, p := range parts {
		full := in.gatherShare(ctx, s, p, len(parts), false)
		more = more || full
		if ctx.Err() != nil || in.broken != nil {
			return false
		}
	}
	return more
}
