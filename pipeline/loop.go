package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"touchstream/pipeline/killpoint"
)

// finalFault marks an error behind which nothing may be written: a replay that
// went another way, or a commit that did not become durable, as far as is known.
type finalFault struct{ error }

func (f finalFault) Unwrap() error { return f.error }

func isFinal(err error) bool {
	var f finalFault
	return errors.As(err, &f)
}

// loop folds steps, sends their rows and ends commits until there are no more
// steps. A fault of the program itself ends the run as an error, not the
// process.
func (p *Pipeline) loop(ctx context.Context, steps <-chan *step, r *recovery, deadline <-chan struct{}) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = finalFault{internalFault(x, p.cfg.Log)}
		}
	}()
	if len(r.entries) == 0 {
		if err := p.live(ctx, r); err != nil {
			return err
		}
	}
	var lost <-chan struct{}
	if j, ok := p.cfg.Journal.(Contested); ok {
		lost = j.Lost()
	}
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		from := steps
		if p.isLive && p.commits.full() {
			from = nil // until the commit under way has ended
		}
		if p.isLive && p.commits.flying == nil && p.commits.dirty() {
			due.Reset(p.commits.wait())
		} else {
			due.Stop()
		}
		select {
		case s, ok := <-from:
			if !ok {
				return nil
			}
			if err := p.take(ctx, s, r, deadline); err != nil {
				return err
			}
			if s.last {
				return s.err
			}
		case <-due.C:
			if err := p.commit(ctx, deadline); err != nil {
				return err
			}
		case err := <-p.commits.flying:
			p.commits.flying = nil
			if err != nil {
				return finalFault{err}
			}
			p.status.setUncommitted(p.commits.records > 0 || len(p.commits.open.steps) > 0)
		case err := <-p.snapshot.done:
			p.fold.thaw()
			p.snapshot.ended(err)
		case <-lost:
			return fmt.Errorf("%w; this instance stops", ErrFenced)
		case <-p.delivery.failed:
			return errNotSent
		case <-deadline:
			return errNotSent
		}
	}
}

// commit ends the open commit, with a snapshot behind it when one is due.
func (p *Pipeline) commit(ctx context.Context, deadline <-chan struct{}) error {
	x := &cut{}
	if p.snapshot.due(p.commits.state) {
		from := time.Now()
		x.snapshot = p.fold.freeze(p.snapshot.begin(p.commits.state))
		p.status.SnapshotPause.Store(time.Since(from).Microseconds())
		go x.snapshot.budget.Prepare()
	}
	if err := p.commits.cut(x, deadline); err != nil {
		if x.snapshot != nil {
			p.snapshot.launch(x, err)
		}
		return err
	}
	p.commits.launch(ctx, x, p.snapshot)
	return nil
}

// take folds a step and, in a replay, ends the commits that it ends.
func (p *Pipeline) take(ctx context.Context, s *step, r *recovery, deadline <-chan struct{}) error {
	if s.replay {
		return p.again(ctx, s, r, deadline)
	}
	if s.number == 0 && s.err != nil {
		return s.err // it could not be made
	}
	if s.last && p.cfg.Bounded && p.cfg.Durable() && s.err == nil {
		if err := p.beforeDrain(ctx, deadline); err != nil {
			return err
		}
	}
	return p.step(s, deadline)
}

// step folds one step and sends its rows.
func (p *Pipeline) step(s *step, deadline <-chan struct{}) error {
	if s.quiet {
		if s.replay {
			return nil
		}
		p.status.setSources(s.sources)
		p.status.setFolded(sourcesDone(s.sources))
		return nil
	}
	if s.records > 0 {
		p.status.setFolded(false)
	}
	out := p.delivery.take(s.number)
	killpoint.Pass(killpoint.FoldBefore)
	info := p.fold.step(s, out)
	killpoint.Pass(killpoint.FoldAfter)
	p.input.folded.Store(int64(info.Seconds * float64(time.Second)))
	for _, x := range p.fold.done {
		p.input.givePiece(x)
	}
	p.fold.done = p.fold.done[:0]
	if s.replay {
		if err := s.record.digest.compare(s.number, &out.digest); err != nil {
			return finalFault{err}
		}
	}
	s.record.digest = out.digest
	p.commits.add(s)
	if err := p.delivery.send(out, deadline); err != nil {
		return err
	}
	p.status.setFolded(!s.replay && (s.last || sourcesDone(s.sources)))
	if p.cfg.OnStep != nil {
		p.cfg.OnStep(info)
	}
	return nil
}

// again takes a step of a replay.
func (p *Pipeline) again(ctx context.Context, s *step, r *recovery, deadline <-chan struct{}) error {
	if s.err != nil {
		return finalFault{s.err}
	}
	if err := p.step(s, deadline); err != nil {
		return err
	}
	p.status.ReplayRecords.Add(int64(s.records))
	e := s.commit
	if e == nil {
		return nil
	}
	x := &cut{replayed: e}
	if err := p.commits.cut(x, deadline); err != nil {
		return err
	}
	select {
	case <-x.decided:
	case <-p.delivery.failed:
		return errNotSent
	case <-deadline:
		return errNotSent
	}
	if e != r.entries[len(r.entries)-1] {
		return nil
	}
	p.cfg.Log.Info("replayed", "commits", len(r.entries), "records", p.status.ReplayRecords.Load())
	return p.live(ctx, r)
}

// live goes on from what was recovered: sinks may deliver.
func (p *Pipeline) live(ctx context.Context, r *recovery) error {
	if r.number > 0 {
		if err := p.commits.release(ctx, r.number); err != nil {
			return err
		}
	}
	p.commits.number, p.isLive = r.number, true
	if r.lost {
		p.commits.lineage.renumber()
		for _, k := range p.delivery.runners {
			if n, ok := k.cfg.Sink.(Renumberer); ok {
				n.Renumber(p.commits.lineage.run)
			}
		}
	}
	return nil
}

// beforeDrain makes all durable that came before the end of time, and keeps it
// as the state of the next run.
func (p *Pipeline) beforeDrain(ctx context.Context, deadline <-chan struct{}) error {
	if err := p.land(); err != nil {
		return err
	}
	if !p.isUnchanged() {
		if err := p.commitNow(ctx, &cut{}, deadline); err != nil {
			return err
		}
		if err := p.lastSnapshot(ctx, deadline); err != nil {
			return err
		}
	}
	p.commits.drain = true
	return nil
}
