package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/killpoint"
)

// chunkRecordsMax bounds a chunk, the unit of parallel decoding.
const chunkRecordsMax = 2048

// step is everything that the fold of one step depends on.
type step struct {
	number  int64
	clock   int64
	pieces  []*piece
	origins []event.Origin
	records int
	bytes   int64
	skipped int64
	// sortedRows are those of sorted sources, whose records count when they are
	// loaded.
	sortedRows int
	// oldest is the lowest watermark of any partition that counts.
	oldest int64
	// watermarks after the step, by domain.
	watermarks [2]int64
	// last: nothing follows. With err set the input broke off there.
	last bool
	err  error
	// quiet: nothing was read and no watermark moved; there is nothing to fold.
	quiet bool
	// record is what the journal keeps of the step; in a replay, what it kept.
	record stepRecord
	// commit is the replayed entry that ends with the step, nil before its last.
	commit *entry
	replay bool
	// state is how the reading side stands after the step.
	state *inputState
	// sources says how each stands, for /status.
	sources []SourceStatus
}

// input reads and decodes: the part of the pipeline that runs ahead of the fold.
type input struct {
	cfg     *Config
	status  *Status
	parts   []*partition
	bySrc   [][]*partition
	origins []event.Origin
	known   map[event.Origin]uint32
	sighted []bool // sources that have delivered sightings
	sorted  []*sortedSource
	clocks  [2]domainClock
	workers []*decodeWorker
	pool    chan *piece
	pooled  atomic.Int64 // bytes that the pieces in pool take
	ready   chan struct{}
	toRead  []*partition
	steps   int64
	broken  error
	// told are the origins that steps have named so far.
	told int
	// resumed is where the sources go on, nil for a new state, goesOn which of
	// them do; entries are replayed before anything new is read.
	resumed *inputState
	goesOn  []bool
	entries []*entry
	// folded is how long the last step took to fold, ns; the loop tells.
	folded atomic.Int64
	// started is the start of the process that first made the step at hand.
	started int64
}

func newInput(cfg *Config, status *Status) *input {
	in := &input{
		cfg: cfg, status: status, known: map[event.Origin]uint32{},
		bySrc: make([][]*partition, len(cfg.Sources)), sorted: make([]*sortedSource, len(cfg.Sources)),
		sighted: make([]bool, len(cfg.Sources)), goesOn: make([]bool, len(cfg.Sources)), pool: make(chan *piece, 1024), ready: make(chan struct{}, 1),
		started: cfg.Started,
	}
	for d := range in.clocks {
		in.clocks[d].at = beginOfTime
	}
	for range max(1, cfg.Lanes) {
		in.workers = append(in.workers, newDecodeWorker(cfg, &in.started))
	}
	return in
}

// open opens the sources and forwards their signals.
func (in *input) open(ctx context.Context) error {
	for i := range in.cfg.Sources {
		s := &in.cfg.Sources[i]
		if err := in.openSource(ctx, i); err != nil {
			return fmt.Errorf("sources.%s: %w", s.Name, err)
		}
		if s.Sort {
			in.sorted[i] = &sortedSource{}
		}
		if l, ok := s.Source.(Lister); ok && in.resumed == nil {
			for _, o := range l.Origins() {
				o.Source = s.Name
				in.originIndex(o)
			}
		}
		go in.forward(ctx, s.Source.Ready())
	}
	in.discover()
	return nil
}

// forward passes a source's signals on until the context is done.
func (in *input) forward(ctx context.Context, ready <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ready:
			select {
			case in.ready <- struct{}{}:
			default:
			}
		}
	}
}

// openSource opens a source; one that is away for now is tried again.
func (in *input) openSource(ctx context.Context, i int) error {
	s := &in.cfg.Sources[i]
	if err := in.resumeSource(i); err != nil {
		return err
	}
	hold := in.status.holder("sources." + s.Name)
	away := errors.New("it had not answered yet")
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		err := s.Source.Open(ctx, in.cfg.Bounded)
		switch {
		case err == nil:
			hold.release()
			return nil
		case ctx.Err() != nil:
			// What an attempt that is broken off says is not why it took so long.
			return fmt.Errorf("stopped before it was opened: %w", away)
		case !IsRetryable(err):
			return err
		}
		away = err
		hold.because(err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped before it was opened: %w", away)
		case <-time.After(wait):
		}
	}
}

// discover takes up partitions that sources have found since.
func (in *input) discover() {
	for i := range in.cfg.Sources {
		s := &in.cfg.Sources[i]
		n := s.Source.Partitions()
		if in.sorted[i] != nil {
			n = min(n, 1)
		}
		if len(in.bySrc[i]) == n {
			continue
		}
		begins := positionsOf(s.Source, n)
		for k := len(in.bySrc[i]); k < n; k++ {
			p := &partition{source: i, index: k, lag: s.OutOfOrderness, highest: event.Absent, began: begins[k], at: begins[k]}
			in.bySrc[i] = append(in.bySrc[i], p)
			in.parts = append(in.parts, p)
		}
	}
}

// run makes steps until the input has ended, the context is done or a source
// breaks. The channel is closed behind the last one.
func (in *input) run(ctx context.Context, out chan<- *step) {
	defer close(out)
	if !in.replay(ctx, out) {
		return
	}
	for {
		s := in.next(ctx)
		if s == nil {
			return
		}
		select {
		case out <- s:
		case <-ctx.Done():
			return
		}
		if s.last {
			return
		}
	}
}

// next makes one step; nil when the context is done.
func (in *input) next(ctx context.Context) (s *step) {
	s = &step{}
	defer func() {
		if r := recover(); r != nil {
			s = &step{last: true, watermarks: [2]int64{beginOfTime, beginOfTime}, err: internalFault(r, in.cfg.Log)}
		}
	}()
	in.discover()
	if in.cfg.Bounded {
		in.gatherBounded(ctx, s)
	} else {
		in.gather(ctx, s)
	}
	if ctx.Err() != nil && s.records == 0 {
		return nil
	}
	s.clock = in.cfg.Clock()
	in.decode(s)
	in.closeStep(s)
	if s.quiet {
		return s
	}
	in.steps++
	s.number = in.steps
	in.note(s)
	return s
}

// closeStep decides idleness and moves the watermarks.
func (in *input) closeStep(s *step) {
	idleClock := int64(0)
	if !in.cfg.Bounded {
		in.judgeIdle(s.clock)
		idleClock = s.clock
	}
	all := func(p *partition) bool { return !in.cfg.Sources[p.source].Advisory }
	if !slices.ContainsFunc(in.cfg.Sources, func(c SourceConfig) bool { return !c.Advisory }) {
		all = func(*partition) bool { return true }
	}
	named := slices.ContainsFunc(in.cfg.Sources, func(c SourceConfig) bool { return c.CrowdFrom })
	crowd := func(p *partition) bool {
		if named {
			return in.cfg.Sources[p.source].CrowdFrom
		}
		return in.sighted[p.source]
	}
	before := in.watermarks()
	in.clocks[AllSources].advance(in.parts, all, idleClock)
	in.clocks[CrowdSources].advance(in.parts, crowd, idleClock)
	ended := true
	s.oldest = endOfTime
	for _, p := range in.parts {
		p.left = !p.counts()
		ended = ended && p.state == Ended
		if p.counts() {
			s.oldest = min(s.oldest, p.watermark())
		}
	}
	s.err = in.broken
	s.last = in.broken != nil || in.cfg.Bounded && ended
	if in.cfg.Durable() && s.records+s.sortedRows > 0 && in.broken == nil {
		s.last = false // the end of time comes by itself: it is no part of the state
	}
	for d := range in.clocks {
		s.watermarks[d] = in.clocks[d].at
		if s.last && in.cfg.Bounded && !(in.cfg.Durable() && in.broken != nil) {
			s.watermarks[d] = endOfTime
		}
	}
	s.origins = in.origins
	s.sources = in.sourceStatus()
	s.quiet = len(s.pieces) == 0 && s.records == 0 && !s.last && in.watermarks() == before && !in.hasNews()
}

// hasNews reports whether a partition was found that no step has named: where it
// begins is to be known after a restart, also if it has brought nothing until
// then.
func (in *input) hasNews() bool {
	return in.cfg.Durable() && slices.ContainsFunc(in.parts, func(p *partition) bool { return !p.known })
}

func (in *input) watermarks() (w [2]int64) {
	for d := range in.clocks {
		w[d] = in.clocks[d].at
	}
	return w
}

func (in *input) judgeIdle(now int64) {
	for _, p := range in.parts {
		after := in.cfg.Sources[p.source].IdleAfter
		p.idle = p.state == CaughtUp && p.quietSince != 0 && now-p.quietSince >= after
	}
}

// read reads one chunk of a partition into the step and returns its records.
func (in *input) read(ctx context.Context, s *step, p *partition, most int, wait bool) int {
	src := &in.cfg.Sources[p.source]
	x := in.takePiece(p)
	killpoint.Pass(killpoint.FetchBefore)
	state, err := src.Source.Read(ctx, p.index, most, wait, x.chunk)
	killpoint.Pass(killpoint.FetchAfter)
	hold := in.status.holder("sources." + src.Name)
	switch {
	case err == nil:
		p.state, p.failing = state, false
		if !slices.ContainsFunc(in.bySrc[p.source], func(p *partition) bool { return p.failing }) {
			hold.release()
		}
	case errors.Is(err, context.Canceled):
	case IsRetryable(err):
		hold.because(err)
		p.state, p.failing = HasMore, true
		if wait {
			sleep(ctx, retryWaitMax)
		}
	default:
		in.broken = fmt.Errorf("sources.%s: %w", src.Name, err)
	}
	n := len(x.chunk.Recs)
	if n == 0 {
		in.quiet(p)
		in.givePiece(x)
		return 0
	}
	p.quietSince, p.idle = 0, false
	in.register(x.chunk, src.Name)
	s.took(p, x.chunk)
	s.pieces = append(s.pieces, x)
	s.records += n
	s.bytes += int64(len(x.chunk.Data))
	return n
}

func (in *input) quiet(p *partition) {
	if p.state == CaughtUp && p.quietSince == 0 {
		p.quietSince = in.cfg.Clock()
	}
	if p.state == HasMore {
		p.quietSince = 0
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// register gives the chunk's origin its index.
func (in *input) register(c *event.Chunk, source string) {
	c.Origin.Source = source
	c.OriginIndex = in.originIndex(c.Origin)
}

func (in *input) originIndex(o event.Origin) uint32 {
	i, ok := in.known[o]
	if !ok {
		i = uint32(len(in.origins))
		in.origins = append(in.origins, o)
		in.known[o] = i
	}
	return i
}
