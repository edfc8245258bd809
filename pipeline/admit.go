package pipeline

import (
	"fmt"
	"slices"

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
	asked   []flat.Question // of one piece's rows
	answers []bool
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
	duplicates, noSession := 0, int64(0)
	for _, p := range s.pieces {
		b, slack := p.batch, a.slack[p.source]
		for _, r := range p.rows {
			b.Mark[r] = max(b.Own[r], before[AllSources])
			b.Limit[r] = b.Mark[r] + slack
		}
		if a.seen != nil {
			all := len(p.rows)
			p.rows = a.dropSeen(b, p.rows)
			duplicates += all - len(p.rows)
		}
		if a.sessions {
			for _, r := range p.rows {
				if b.Head[r].Device.IsZero() && !b.Name[r].IsSystem() {
					noSession++
				}
			}
		}
	}
	a.status.Duplicates.Add(int64(duplicates))
	a.status.NoSession.Add(noSession)
	if a.seen != nil {
		a.forget(s)
	}
}

// dropSeen takes the rows out whose message ids are known.
func (a *admitter) dropSeen(b *event.Batch, rows []uint32) []uint32 {
	a.asked = a.asked[:0]
	for _, r := range rows {
		if b.Head[r].Flags&event.IsPositional != 0 {
			continue
		}
		forgotten := int64(beginOfTime)
		if b.Own[r] != beginOfTime {
			forgotten = b.Own[r] - a.cfg.DedupWindow
		}
		a.asked = append(a.asked, flat.Question{Hash: b.Message[r].Hi, Time: b.Time(int(r)), ForgottenBefore: forgotten})
	}
	a.answers = slices.Grow(a.answers[:0], len(a.asked))[:len(a.asked)]
	a.seen.SeenAll(a.asked, a.answers)
	if !slices.Contains(a.answers, true) {
		return rows
	}
	kept, next := rows[:0], 0
	for _, r := range rows {
		if b.Head[r].Flags&event.IsPositional == 0 {
			next++
			if a.answers[next-1] {
				continue
			}
		}
		kept = append(kept, r)
	}
	return kept
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
