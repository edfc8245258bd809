package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pipeline runs sources through operators into sinks.
type Pipeline struct {
	cfg      Config
	status   *Status
	input    *input
	fold     *fold
	delivery *delivery
	commits  *committer
	snapshot *snapshotter
	// isLive: what the journal holds is replayed.
	isLive bool
}

// New builds a pipeline. Nothing is opened yet.
func New(cfg Config) *Pipeline {
	status := newStatus(cfg.Log)
	status.Watermark.Store(beginOfTime)
	return &Pipeline{cfg: cfg, status: status}
}

// Status tells how the pipeline stands, from any goroutine.
func (p *Pipeline) Status() *Status { return p.status }

// Run runs until the context is done or, when bounded, until the input has
// ended. It then delivers what is folded; when a sink stays away it gives up
// after StopWithin and says what was not delivered: with a state that is kept
// it waits there for the next run. A source that breaks ends the run as well:
// what was before it is delivered and its error returned.
func (p *Pipeline) Run(ctx context.Context) error {
	if !p.cfg.Durable() {
		return p.run(ctx)
	}
	err := p.openJournal(ctx)
	if err == nil {
		p.status.setState(Starting)
		err = p.run(ctx)
	} else {
		err = p.unlessStopped(ctx, err)
	}
	if closeErr := p.cfg.Journal.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("journal: %w", closeErr)
	}
	return err
}

// unlessStopped is the error of a start; nil if a stop has broken it off and the
// state is kept: nothing is lost then.
func (p *Pipeline) unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || !p.cfg.Durable() || !errors.Is(err, context.Canceled) && !IsRetryable(err) {
		return err
	}
	p.cfg.Log.Info("stopped before anything was read", "why", err.Error())
	return nil
}

// openJournal waits until this process may write, also while the journal is
// away.
func (p *Pipeline) openJournal(ctx context.Context) error {
	hold := p.status.holder("journal")
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		err := p.cfg.Journal.Open(ctx, func() {
			p.status.setState(Standby)
			p.cfg.Log.Info("another instance is active; this one stands by")
		})
		if err == nil || ctx.Err() != nil || !IsRetryable(err) {
			hold.release()
			return err
		}
		hold.because(err)
		sleep(ctx, wait)
	}
}

func (p *Pipeline) run(ctx context.Context) error {
	inputCtx, stopInput := context.WithCancel(ctx)
	defer stopInput()
	r, err := p.open(inputCtx)
	if err != nil {
		return p.unlessStopped(ctx, err)
	}
	p.status.setState(Running)
	defer context.AfterFunc(ctx, func() { p.status.setState(Stopping) })()
	p.delivery.start()
	steps := make(chan *step, 1)
	go p.input.run(inputCtx, steps)
	soon, deadline := p.deadlines(ctx)
	committing, breakOff := until(deadline)
	defer breakOff()
	err = p.loop(committing, steps, r, deadline)
	p.status.setState(Stopping)
	stopInput()
	err = errors.Join(err, p.end(committing, err, soon, deadline))
	if p.commits.flying != nil {
		breakOff()
		_ = p.land() // what has ended the run says more
	}
	p.snapshot.close()
	deliveryErr := p.delivery.close(committing)
	if deliveryErr != nil || !p.isLive {
		err = without(err, errNotSent) // the sink's error says more
	}
	drain(steps) // until nobody reads from the sources any more
	return errors.Join(err, deliveryErr, p.closeSources())
}

// until is a context that ends with a channel.
func until(end <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// without takes a mark out of joined errors.
func without(err, mark error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range joined.Unwrap() {
			rest = append(rest, without(e, mark))
		}
		return errors.Join(rest...)
	}
	if errors.Is(err, mark) {
		return nil
	}
	return err
}

func drain(steps <-chan *step) {
	for range steps {
	}
}

// open recovers the state and opens sources and sinks. Of a new state the
// sources are opened first: a sink may write over what is there, and it should
// not for an input that is missing.
func (p *Pipeline) open(ctx context.Context) (*recovery, error) {
	paths, err := p.candidates()
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		r, err := p.openFrom(ctx, path)
		if err == nil {
			p.setAside(paths[:i])
			return r, nil
		}
		err = errors.Join(err, p.delivery.close(context.Background()), p.closeSources())
		if !isDamage(err) || i == len(paths)-1 {
			return nil, err
		}
		p.cfg.Log.Warn("snapshot cannot be used; the one before is tried", "snapshot", path, "why", err.Error())
	}
	return nil, errors.New("there is nothing to start from")
}

// setAside renames snapshots that cannot be used, so that they do not count
// among those that are kept.
func (p *Pipeline) setAside(paths []string) {
	for _, path := range paths {
		if err := p.cfg.disk().Rename(path, path+".damaged"); err != nil {
			p.cfg.Log.Warn("a snapshot that cannot be used keeps its name", "why", err.Error())
		}
	}
}

func (p *Pipeline) openFrom(ctx context.Context, path string) (*recovery, error) {
	p.input, p.fold, p.delivery = newInput(&p.cfg, p.status), newFold(&p.cfg, p.status), newDelivery(&p.cfg, p.status)
	r, err := p.recoverFrom(ctx, path)
	if err != nil {
		return nil, err
	}
	p.commits = newCommitter(&p.cfg, p.status, p.delivery, r.lineage, r.number)
	p.commits.state = r.input()
	p.snapshot = newSnapshotter(&p.cfg, p.status, r.snapshotNumber(), r.input())
	if err := p.input.resume(r.input(), r.entries); err != nil {
		return nil, err
	}
	p.status.Watermark.Store(p.input.watermarks()[AllSources])
	opening := func(sink string) Opening { return r.opening(sink, p.cfg.sinkDir(sink)) }
	if err := p.input.open(ctx); err != nil {
		return nil, err
	}
	if err := p.delivery.open(ctx, opening); err != nil {
		return nil, err
	}
	if p.cfg.Durable() {
		p.fold.rehearse()
	}
	p.cfg.Log.Info("opened", "generation", r.lineage.generation, "commit", r.number, "snapshot", path, "commits_to_replay", len(r.entries))
	return r, nil
}

// end makes what is folded durable, delivers it and, with a state that is kept,
// leaves a snapshot. cause is what the loop ended with: behind some nothing may
// be written any more, or nothing can.
func (p *Pipeline) end(ctx context.Context, cause error, soon, deadline <-chan struct{}) (err error) {
	if p.isLive && !errors.Is(cause, errNotSent) && !errors.Is(cause, ErrFenced) && !isFinal(cause) {
		err = p.lastCommits(ctx, soon, deadline)
	} else {
		p.delivery.cancel()
	}
	if !p.isLive && p.cfg.Durable() && cause == nil {
		p.cfg.Log.Warn("stopped within the replay of the journal; this version has to start once more with this configuration before either may be another")
	}
	p.delivery.finish(deadline)
	return err
}

// lastCommits ends the open commit, waits until its rows are delivered and takes
// the last snapshot behind that.
func (p *Pipeline) lastCommits(ctx context.Context, soon, deadline <-chan struct{}) error {
	if err := p.land(); err != nil || p.isUnchanged() {
		return err
	}
	if err := p.commitNow(ctx, &cut{Cut: Cut{All: true}}, deadline); err != nil {
		return err
	}
	if !p.cfg.Durable() {
		return p.delivery.drain(ctx)
	}
	delivering, stop := until(soon)
	defer stop()
	if err := p.delivery.drain(delivering); err != nil {
		p.cfg.Log.Warn("stopped before all rows were delivered; the next start delivers them", "why", err.Error())
	}
	return p.lastSnapshot(ctx, deadline)
}

// lastSnapshot leaves a snapshot behind one more commit, which notes what has
// been delivered. Writing it takes the time that it needs.
func (p *Pipeline) lastSnapshot(ctx context.Context, deadline <-chan struct{}) error {
	if p.commits.state == nil || p.commits.drain {
		return nil // nothing was ever read, or the state is kept already
	}
	p.snapshot.wait()
	p.fold.thaw()
	x := &cut{snapshot: p.fold.freeze(p.snapshot.budget())}
	if err := p.commitNow(ctx, x, deadline); err != nil {
		x.snapshot.drop()
		return err
	}
	return p.snapshot.write(x, true)
}

// commitNow ends the open commit and waits until it is durable.
func (p *Pipeline) commitNow(ctx context.Context, x *cut, deadline <-chan struct{}) error {
	if err := p.commits.cut(x, deadline); err != nil {
		return err
	}
	if err := p.commits.commit(ctx, x); err != nil {
		return finalFault{err}
	}
	p.status.setUncommitted(false)
	return nil
}

// land waits for the commit under way, which ends with its context at the latest.
func (p *Pipeline) land() error {
	if p.commits.flying == nil {
		return nil
	}
	err := <-p.commits.flying
	p.commits.flying = nil
	if err != nil {
		return finalFault{err}
	}
	return nil
}

// isUnchanged reports whether the newest snapshot holds all that there is: a
// commit behind it would only have to be replayed.
func (p *Pipeline) isUnchanged() bool {
	return p.cfg.Durable() && !p.snapshot.busy && p.commits.number == p.snapshot.newest && !p.commits.dirty()
}

// deadlines fire after the context is done: the first when what a sink has not
// taken is left to the next run, if there is to be one, the second after
// StopWithin. They never do when a bounded run ends by itself.
func (p *Pipeline) deadlines(ctx context.Context) (soon, last <-chan struct{}) {
	after := func(ms int64) <-chan struct{} {
		ch := make(chan struct{})
		context.AfterFunc(ctx, func() {
			time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { close(ch) })
		})
		return ch
	}
	return after(p.cfg.StopWithin * 2 / 3), after(p.cfg.StopWithin)
}

func (p *Pipeline) closeSources() error {
	var errs []error
	for i := range p.cfg.Sources {
		s := &p.cfg.Sources[i]
		if err := s.Source.Close(); err != nil {
			errs = append(errs, fmt.Errorf("sources.%s: %w", s.Name, err))
		}
	}
	return errors.Join(errs...)
}
