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
}

// New builds a pipeline. Nothing is opened yet.
func New(cfg Config) *Pipeline {
	status := newStatus(cfg.Log)
	status.Watermark.Store(beginOfTime)
	p := &Pipeline{cfg: cfg, status: status}
	p.input = newInput(&p.cfg, status)
	p.fold = newFold(&p.cfg, status)
	p.delivery = newDelivery(&p.cfg, status)
	return p
}

// Status tells how the pipeline stands, from any goroutine.
func (p *Pipeline) Status() *Status { return p.status }

// Run runs until the context is done or, when bounded, until the input has
// ended. It then delivers what is folded; when a sink stays away it gives up
// after StopWithin and says what was not delivered. A source that breaks ends
// the run as well: what was before it is delivered and its error returned.
func (p *Pipeline) Run(ctx context.Context) error {
	inputCtx, stopInput := context.WithCancel(ctx)
	defer stopInput()
	if err := p.open(inputCtx); err != nil {
		return err
	}
	p.status.setState(Running)
	defer context.AfterFunc(ctx, func() { p.status.setState(Stopping) })()
	p.delivery.start()
	steps := make(chan *step, 1)
	go p.input.run(inputCtx, steps)
	deadline := p.deadline(ctx)
	err := p.loop(steps, deadline)
	p.status.setState(Stopping)
	stopInput()
	deliveryErr := p.delivery.finish(deadline)
	drain(steps) // until nobody reads from the sources any more
	if errors.Is(err, errNotSent) {
		err = nil
	}
	return errors.Join(err, deliveryErr, p.closeSources())
}

func drain(steps <-chan *step) {
	for range steps {
	}
}

// open opens the sources first: a sink may write over what is there, and it
// should not for an input that is missing.
func (p *Pipeline) open(ctx context.Context) error {
	err := p.input.open(ctx)
	if err == nil {
		err = p.delivery.open(ctx)
	}
	if err != nil {
		return errors.Join(err, p.delivery.close(), p.closeSources())
	}
	return nil
}

// loop folds steps and sends their rows until there are no more. A fault of
// the program itself ends the run as an error, not the process.
func (p *Pipeline) loop(steps <-chan *step, deadline <-chan struct{}) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = internalFault(r, p.cfg.Log)
		}
	}()
	for s := range steps {
		if s.records > 0 {
			p.status.setFolded(false)
		}
		out := p.delivery.take(s.number)
		info := p.fold.step(s, out)
		for _, x := range s.pieces {
			p.input.givePiece(x)
		}
		if err := p.delivery.send(out, deadline); err != nil {
			return err
		}
		p.status.setFolded(s.last || sourcesDone(s.sources))
		if p.cfg.OnStep != nil {
			p.cfg.OnStep(info)
		}
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// deadline fires StopWithin after the context is done; never when a bounded
// run ends by itself.
func (p *Pipeline) deadline(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{})
	context.AfterFunc(ctx, func() {
		time.AfterFunc(time.Duration(p.cfg.StopWithin)*time.Millisecond, func() { close(ch) })
	})
	return ch
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
