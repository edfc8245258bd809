package pipeline

import (
	"fmt"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// admitter decides which rows of a step take part: duplicates leave, and late
// ones that no operator would take.
type admitter struct {
	cfg     *Config
	members []*member
	status  *Status
	seen    *flat.Expiring
	// slack is, by source, how far its allowed lateness is below the largest.
	slack []int64
	// sessions: an operator keyed by device runs.
	sessions bool
	// highest of the members' marks in this step.
	highest int64
	counts  *OperatorCounts // of seen
}

func newAdmitter(cfg *Config, status *Status, members []*member) *admitter {
	a := &admitter{cfg: cfg, members: members, status: status}
	for i := range cfg.Sources {
		a.slack = append(a.slack, cfg.Lateness()-cfg.Sources[i].AllowedLateness)
	}
	for _, m := range members {
		a.sessions = a.sessions || m.spec.Key == ByDevice
	}
	if cfg.DedupWindow > 0 {
		a.seen = flat.NewExpiring(cfg.DedupWindow, cfg.DedupEntries)
		a.counts = status.Operator("dedup")
	}
	return a
}

// admit marks rows with the watermark they are measured against and drops
// duplicates, in log order.
func (a *admitter) admit(s *step, before [2]int64) {
	duplicates, noSession := int64(0), int64(0)
	for _, p := range s.pieces {
		b := p.batch
		kept, slack := p.rows[:0], a.slack[p.source]
		for i, r := range p.rows {
			if a.seen != nil && i%touchRows == 0 {
				a.touch(b, p.rows[i:])
			}
			b.Mark[r] = max(b.Own[r], before[AllSources])
			b.Limit[r] = b.Mark[r] + slack
			if a.seen != nil && b.Flags[r]&event.IsPositional == 0 {
				forgotten := int64(beginOfTime)
				if b.Own[r] != beginOfTime {
					forgotten = b.Own[r] - a.cfg.DedupWindow
				}
				if a.seen.Seen(b.Message[r].Hi, b.Time(int(r)), forgotten) {
					duplicates++
					continue
				}
			}
			if a.sessions && b.Device[r].IsZero() && !b.Name[r].IsSystem() {
				noSession++
			}
			kept = append(kept, r)
		}
		p.rows = kept
	}
	a.status.Duplicates.Add(duplicates)
	a.status.NoSession.Add(noSession)
	if a.seen != nil {
		a.forget(s)
	}
}

// touchRows is for how many rows the memory of their message ids is asked for
// at a time, so that the waits for it overlap.
const touchRows = 64

// touch asks for the memory that the next rows' questions will read.
func (a *admitter) touch(b *event.Batch, rows []uint32) {
	for _, r := range rows[:min(len(rows), touchRows)] {
		a.seen.Touch(b.Message[r].Hi)
	}
}

// forget lets message ids go that no partition can ask for any more.
func (a *admitter) forget(s *step) {
	if s.oldest != beginOfTime && s.oldest != endOfTime {
		a.seen.Sweep(s.oldest - a.cfg.DedupWindow)
	}
}

// measure tells how many message ids are remembered.
func (a *admitter) measure() {
	a.counts.Entries.Store(int64(a.seen.Len()))
	a.counts.Bytes.Store(int64(a.seen.Bytes()))
	a.counts.Evicted.Store(int64(a.seen.Evicted()))
	a.status.DedupCovered.Store(a.seen.Covered())
}

// begin notes the marks of the step.
func (a *admitter) begin() {
	a.highest = beginOfTime
	for _, m := range a.members {
		a.highest = max(a.highest, m.mark)
	}
}

// judge buries late rows that no operator takes and remembers them.
func (a *admitter) judge(p *piece) {
	p.late = p.late[:0]
	if len(a.members) == 0 {
		return
	}
	b := p.batch
	for _, r := range p.rows {
		mark := max(b.Own[r], a.highest)
		if t := b.Time(int(r)); t < mark && !a.taken(b, r) {
			p.late = append(p.late, r)
			bury(p.dead, p.raw, b.Record[r], event.Late, fmt.Sprintf("event time %s is behind the watermark %s and no operator takes it any more",
				formatTime(t), formatTime(mark)))
		}
	}
}

// taken reports whether any operator takes the row, each measured against its
// own mark.
func (a *admitter) taken(b *event.Batch, r uint32) bool {
	mark, limit := b.Mark[r], b.Limit[r]
	defer func() { b.Mark[r], b.Limit[r] = mark, limit }()
	for _, m := range a.members {
		b.Mark[r] = max(b.Own[r], m.mark)
		b.Limit[r] = b.Mark[r] + limit - mark
		if !b.IsLate(int(r)) || m.op.Takes(b, int(r)) {
			return true
		}
	}
	return false
}

// dropLate takes the buried rows out.
func (a *admitter) dropLate(p *piece) {
	if len(p.late) == 0 {
		return
	}
	kept, next := p.rows[:0], p.late
	for _, r := range p.rows {
		if len(next) > 0 && next[0] == r {
			next = next[1:]
			continue
		}
		kept = append(kept, r)
	}
	p.rows = kept
}
