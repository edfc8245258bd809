package pipeline

import (
	"context"
	"time"

	"touchstream/pipeline/event"
)

// align finds the partitions that alignment holds back: those more than
// max_skew of event time ahead of the slowest one that has records to read.
func (in *input) align() {
	slowest := int64(endOfTime)
	for _, p := range in.parts {
		if p.state == HasMore && !p.idle && p.highest != event.Absent {
			slowest = min(slowest, p.watermark())
		}
	}
	for _, p := range in.parts {
		skew := in.cfg.Sources[p.source].MaxSkew
		p.paused = skew > 0 && p.highest != event.Absent && slowest != endOfTime && p.watermark()-slowest > skew
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

// gatherBounded cuts a step by record counts alone: each readable partition
// gives its share or all that it has left.
func (in *input) gatherBounded(ctx context.Context, s *step) {
	parts := in.readable()
	if len(parts) == 0 {
		return
	}
	share := max(1, in.cfg.MaxRecords/len(parts))
	for _, p := range parts {
		if sorted := in.sorted[p.source]; sorted != nil {
			in.gatherSorted(ctx, s, p, sorted, share)
			continue
		}
		for left := share; left > 0 && p.state != Ended && in.broken == nil; {
			n := in.read(ctx, s, p, min(left, chunkRecordsMax), true)
			if ctx.Err() != nil {
				return
			}
			left -= n
		}
	}
}

// gather takes what has arrived: at once when there is plenty, else for up to
// max_wait, so that steps are small when idle and large under load.
func (in *input) gather(ctx context.Context, s *step) {
	deadline := time.NewTimer(tick)
	defer deadline.Stop()
	for first := true; ; {
		in.pass(ctx, s)
		if s.records >= in.cfg.MaxRecords || in.broken != nil || ctx.Err() != nil {
			return
		}
		if s.records > 0 && first {
			first = false
			deadline.Reset(time.Duration(in.cfg.MaxWait) * time.Millisecond)
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

// tick is how often a quiet pipeline looks at its clock.
const tick = 200 * time.Millisecond

// pass reads once from each partition, without waiting.
func (in *input) pass(ctx context.Context, s *step) {
	parts := in.readable()
	for _, p := range parts {
		if sorted := in.sorted[p.source]; sorted != nil {
			in.gatherSorted(ctx, s, p, sorted, in.cfg.MaxRecords)
			continue
		}
		share := max(1, in.cfg.MaxRecords/len(parts))
		for left := share; left > 0 && p.state != Ended && in.broken == nil && ctx.Err() == nil; {
			n := in.read(ctx, s, p, min(left, chunkRecordsMax), false)
			if n == 0 {
				break
			}
			left -= n
		}
	}
}
