package arrow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

const (
	// blockBytesMax closes a block as Limits do.
	blockBytesMax = 64 << 20
	// openBytesMax is how many bytes all open blocks may have behind a commit.
	openBytesMax = 256 << 20
	// behindBytesMax is how many bytes of blocks may wait to be written.
	behindBytesMax = 256 << 20
)

// block is the rows of one file.
type block struct {
	table  *rollTable
	number int64
	run    uint32
	commit int64 // that it closed with; 0: before the snapshot
	rows   *schema.Rows
}

// rollTable is a table and its files.
type rollTable struct {
	*schema.Table
	open   *schema.Rows
	began  int64 // clock of the commit with the first open row
	number int64 // of the last block that closed
	// kept is the last one that the state and its replay know: what files there
	// are of later ones is void.
	kept int64
	// delivered is the last one whose file is durable; guarded by rolling.mu.
	delivered int64
}

// rolling writes a closed file per block. A block closes with a commit; its
// file is written in the background when that is released.
type rolling struct {
	cfg             *Config
	generation, run uint32
	tables          []*rollTable
	report          func(error)
	openMax         int64
	waiting         atomic.Int64

	mu       sync.Mutex
	changed  *sync.Cond // what follows has
	closed   []*block   // not delivered, in order
	released int64      // the last commit that is
	behind   int64      // bytes of closed blocks
	failed   error      // for good
	stop     chan struct{}
	ended    chan struct{}

	isTidy bool // void files are gone; of Cut alone
}

func newRolling(cfg *Config, o *pipeline.Opening) (*rolling, error) {
	r := &rolling{
		cfg: cfg, generation: o.Generation, run: o.Run, report: o.Report, openMax: openBytesMax,
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	r.changed = sync.NewCond(&r.mu)
	if r.report == nil {
		r.report = func(error) {}
	}
	if cfg.Format != Parquet && cfg.Format != IPC {
		return nil, fmt.Errorf("%s: format %s is not one of %s, %s", cfg.Dir, cfg.Format, Parquet, IPC)
	}
	for _, t := range o.Tables {
		r.tables = append(r.tables, &rollTable{Table: t, open: schema.NewRows(t)})
	}
	if o.State != nil {
		if err := r.load(o.State); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", cfg.Dir, pipeline.ErrDamaged, err)
		}
		if r.failed != nil {
			return nil, r.failed
		}
	}
	if o.Joins {
		if err := r.refuseOthers(); err != nil {
			return nil, err
		}
	}
	if err := r.clean(); err != nil {
		return nil, err
	}
	go r.work()
	return r, nil
}

// Write takes the rows into the open blocks. It holds while too many closed
// ones wait for the disk.
func (r *rolling) Write(_ context.Context, d *pipeline.Delivery) error {
	r.mu.Lock()
	failed, isBehind := r.failed, r.behind > behindBytesMax && r.isDue()
	r.mu.Unlock()
	if failed != nil {
		return failed
	}
	if isBehind {
		return pipeline.Retryable(fmt.Errorf("%s: the disk is too slow: more than %d MiB of rows wait to be written", r.cfg.Dir, behindBytesMax>>20))
	}
	for i, rows := range d.Rows {
		r.tables[i].open.Append(rows)
		r.waiting.Add(int64(rows.N))
	}
	return nil
}

// Cut decides which blocks close.
func (r *rolling) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	// Before anything of this run is durable: a crash in between begins again.
	if !c.Replay {
		if err := r.tidy(); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tables {
		if t.open.N > 0 && t.began == 0 {
			t.began = c.Clock
		}
	}
	if !c.Replay {
		verdicts := r.decide(c)
		r.close(verdicts, c.Number)
		return appendDecision(nil, r.run, verdicts), nil
	}
	run, verdicts, err := parseDecision(c.Decision, len(r.tables))
	if err != nil {
		return nil, err
	}
	r.run = run
	for i, t := range r.tables {
		if was := verdicts[i].rows; was != 0 && was != t.open.N {
			return nil, fmt.Errorf("table %s: the file that ends with commit %d has %d rows in the replay and had %d before; the same events did not give the same rows",
				t.Name, c.Number, t.open.N, was)
		}
	}
	r.close(verdicts, c.Number)
	r.forget(verdicts)
	for _, t := range r.tables {
		t.kept = t.number
	}
	return c.Decision, nil
}

// decide closes the blocks that are full, and the biggest ones while all that
// are open have too many bytes.
func (r *rolling) decide(c *pipeline.Cut) []verdict {
	verdicts := make([]verdict, len(r.tables))
	sizes, open := make([]int64, len(r.tables)), int64(0)
	for i, t := range r.tables {
		verdicts[i].delivered = t.delivered
		if size := sizeOf(t.open); r.isFull(t, size, c) {
			verdicts[i].rows = t.open.N
		} else {
			sizes[i] = size
			open += size
		}
	}
	for open > r.openMax {
		biggest := slices.Index(sizes, slices.Max(sizes))
		verdicts[biggest].rows = r.tables[biggest].open.N
		open -= sizes[biggest]
		sizes[biggest] = 0
	}
	return verdicts
}

func (r *rolling) isFull(t *rollTable, size int64, c *pipeline.Cut) bool {
	switch {
	case t.open.N == 0:
		return false
	case c.All, t.open.N >= r.cfg.Roll.RowsMax, size >= blockBytesMax:
		return true
	}
	return c.Clock-t.began >= r.cfg.Roll.AgeMs
}

// sizeOf is the memory of rows in bytes.
func sizeOf(r *schema.Rows) int64 {
	n := len(r.Arena)
	for i := range r.Cols {
		c := &r.Cols[i]
		n += 8*(len(c.Str)+len(c.I64)+len(c.F64)) + 4*len(c.End)
	}
	return int64(n)
}

// close ends blocks with a commit.
func (r *rolling) close(verdicts []verdict, commit int64) {
	for i, t := range r.tables {
		if verdicts[i].rows == 0 {
			continue
		}
		t.number++
		r.closed = append(r.closed, &block{table: t, number: t.number, run: r.run, commit: commit, rows: t.open})
		r.behind += sizeOf(t.open)
		t.open, t.began = schema.NewRows(t.Table), 0
	}
}

// forget leaves out the blocks that had been delivered before a replay, so that
// files which somebody has taken away since do not come again.
func (r *rolling) forget(verdicts []verdict) {
	for i, t := range r.tables {
		t.delivered = max(t.delivered, verdicts[i].delivered)
	}
	r.closed = slices.DeleteFunc(r.closed, func(b *block) bool {
		isOver := b.number <= b.table.delivered
		if isOver {
			r.account(b)
		}
		return isOver
	})
}

// account takes a block off what waits.
func (r *rolling) account(b *block) {
	r.behind -= sizeOf(b.rows)
	r.waiting.Add(-int64(b.rows.N))
}

// Release lets the blocks go that closed with the commits up to number.
func (r *rolling) Release(_ context.Context, number int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.released = max(r.released, number)
	r.changed.Broadcast()
	return r.failed
}

// Drain waits until no released block is left.
func (r *rolling) Drain(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.isDue() && r.failed == nil && ctx.Err() == nil {
		r.changed.Wait()
	}
	if r.failed != nil {
		return r.failed
	}
	if r.isDue() {
		return fmt.Errorf("%s: stopped with %d files not written: %w", r.cfg.Dir, len(r.closed), ctx.Err())
	}
	return nil
}

// isDue reports whether there is a block to write.
func (r *rolling) isDue() bool {
	return len(r.closed) > 0 && r.released > 0 && r.closed[0].commit <= r.released
}

// Waiting is the number of rows whose files are not written.
func (r *rolling) Waiting() int64 { return r.waiting.Load() }

// Renumber begins another run: blocks that close from now on have its number
// in their names.
func (r *rolling) Renumber(run uint32) { r.run = run }

// Close ends the writing. What is not written is given up: the state and the
// journal have it.
func (r *rolling) Close(ctx context.Context) error {
	r.mu.Lock()
	select {
	case <-r.stop:
	default:
		close(r.stop)
	}
	r.changed.Broadcast()
	r.mu.Unlock()
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("%s: closed while a file was being written", r.cfg.Dir), ctx.Err())
	}
}
