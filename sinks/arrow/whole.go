package arrow

import (
	"context"
	"errors"
	"sync"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

type output struct {
	file  file
	batch *batch
}

// whole writes one file per table, which is complete with the commit that asks
// for everything. It keeps no state.
type whole struct {
	groupRows int

	mu      sync.Mutex
	outputs []*output
	last    int64 // the commit that asks for everything
}

// create makes the hidden files.
func (w *whole) create(cfg *Config, tables []*schema.Table) error {
	for _, t := range tables {
		f, err := create(cfg, t.Name, t)
		if err != nil {
			return err
		}
		w.outputs = append(w.outputs, &output{f, newBatch(t)})
		if err := f.drain(); err != nil {
			return err
		}
	}
	return nil
}

// Write gathers the rows and writes the row groups that are full.
func (w *whole) Write(_ context.Context, d *pipeline.Delivery) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.outputs) < len(d.Rows) {
		return errors.New("rows came behind the last commit, with which the files are complete")
	}
	if err := w.drain(); err != nil {
		return err
	}
	for i, r := range d.Rows {
		o := w.outputs[i]
		o.batch.add(r)
		if o.batch.rows < w.groupRows && o.batch.bytes < groupBytesMax {
			continue
		}
		if err := o.file.add(o.batch); err != nil {
			return err
		}
	}
	// The rows are taken now; a disk that is full shows at the next call.
	if err := w.drain(); err != nil && !pipeline.IsRetryable(err) {
		return err
	}
	return nil
}

// drain writes the row groups that wait for a full disk.
func (w *whole) drain() error {
	for _, o := range w.outputs {
		if err := o.file.drain(); err != nil {
			return err
		}
	}
	return nil
}

// Cut remembers the commit that asks for everything.
func (w *whole) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.All {
		w.last = c.Number
	}
	return nil, nil
}

// State is nothing: files begin anew with each run.
func (w *whole) State(context.Context) ([]byte, error) { return nil, nil }

// Release completes the files with the last commit.
func (w *whole) Release(_ context.Context, number int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.last > 0 && number >= w.last && len(w.outputs) > 0 {
		o := w.outputs[0]
		if err := o.file.finish(o.batch); err != nil {
			return err
		}
		o.batch.builder.Release()
		w.outputs = w.outputs[1:]
	}
	return nil
}

// Drain has nothing to wait for: Release writes.
func (w *whole) Drain(context.Context) error { return nil }

// Waiting is 0: rows that are taken are delivered by the last commit.
func (w *whole) Waiting() int64 { return 0 }

// Renumber has no numbers to change.
func (w *whole) Renumber(uint32) {}

// Close gives up the files that are not complete.
func (w *whole) Close(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, o := range w.outputs {
		errs = append(errs, o.file.discard())
		o.batch.builder.Release()
	}
	w.outputs = nil
	return errors.Join(errs...)
}
