package arrow

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
)

// ipcFile is an Arrow file on its way. Batches before the last one wait in a
// second file with bare keys, because dictionaries stand before all of them.
type ipcFile struct {
	path   string
	table  *schema.Table
	schema *arrow.Schema
	hidden *hidden
	bare   *hidden
	writer *ipc.Writer // of bare; nil: the only batch is still in memory
	last   arrow.Record
	// isBareDone and isSealed: the file with bare keys, and the file itself, are
	// written but for what waits.
	isBareDone, isSealed bool
}

func newIPC(path, hiddenPath string, t *schema.Table) (*ipcFile, error) {
	h, err := createHidden(hiddenPath)
	if err != nil {
		return nil, err
	}
	bare, err := createHidden(hiddenPath + keysEnding)
	if err != nil {
		return nil, errors.Join(err, h.discard())
	}
	return &ipcFile{path: path, table: t, schema: Schema(t), hidden: h, bare: bare}, nil
}

func (f *ipcFile) add(b *batch) error {
	if f.writer == nil {
		f.writer = ipc.NewWriter(f.bare, ipc.WithSchema(bareSchema(f.table)), ipc.WithZstd())
	}
	record := b.take()
	defer record.Release()
	return f.writer.Write(record)
}

func (f *ipcFile) drain() error { return f.bare.drain() }

func (f *ipcFile) discard() error { return errors.Join(f.hidden.discard(), f.bare.discard()) }

func (f *ipcFile) finish(b *batch) error {
	if f.last == nil {
		f.last = b.take()
	}
	if !f.isSealed {
		// A full disk may have broken off a call before.
		if err := f.hidden.restart(); err != nil {
			return err
		}
		if err := f.seal(b); err != nil {
			return err
		}
		f.isSealed = true
	}
	if err := f.hidden.finish(f.path); err != nil {
		return err
	}
	f.last.Release()
	return f.bare.discard()
}

// seal writes the whole file, but for what waits.
func (f *ipcFile) seal(b *batch) error {
	w, err := ipc.NewFileWriter(f.hidden, ipc.WithSchema(f.schema))
	if err != nil {
		return err
	}
	dictionaries := b.dictionaries()
	defer releaseAll(dictionaries)
	write := func(bare arrow.Record) error {
		record := dress(f.schema, bare, dictionaries)
		defer record.Release()
		if err := w.Write(record); err != nil {
			return err
		}
		return f.hidden.drain()
	}
	if f.writer != nil {
		if err := f.replay(write); err != nil {
			return err
		}
	}
	if f.last.NumRows() > 0 {
		if err := write(f.last); err != nil {
			return err
		}
	}
	return w.Close()
}

// replay reads the waiting batches in their order.
func (f *ipcFile) replay(write func(arrow.Record) error) error {
	if !f.isBareDone {
		if err := f.writer.Close(); err != nil {
			return err
		}
		f.isBareDone = true
	}
	if err := f.bare.drain(); err != nil {
		return err
	}
	if _, err := f.bare.file.Seek(0, io.SeekStart); err != nil {
		return disk.Explain(f.bare.path, err)
	}
	r, err := ipc.NewReader(f.bare.file)
	if err != nil {
		return disk.Explain(f.bare.path, err)
	}
	defer r.Release()
	for r.Next() {
		if err := write(r.Record()); err != nil {
			return err
		}
	}
	return disk.Explain(f.bare.path, r.Err())
}
