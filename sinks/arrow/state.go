package arrow

import (
	"context"
	"fmt"
	"slices"

	"touchstream/pipeline/codec"
	"touchstream/pipeline/schema"
)

// stateVersion begins each state.
const stateVersion = 2

// verdict is what a Cut decides of a table.
type verdict struct {
	rows      int   // of the block that closes; 0: none
	delivered int64 // the last block whose file was there
}

func appendDecision(dst []byte, run uint32, verdicts []verdict) []byte {
	dst = codec.AppendUint(dst, int(run))
	for _, v := range verdicts {
		dst = codec.AppendUint(codec.AppendUint(dst, v.rows), int(v.delivered))
	}
	return dst
}

func parseDecision(decision []byte, tables int) (run uint32, verdicts []verdict, err error) {
	in := codec.NewReader(decision)
	run = uint32(in.Number())
	out := make([]verdict, tables)
	for i := range out {
		out[i].rows = in.Number()
		out[i].delivered = int64(in.Number())
	}
	if err := in.End(); err != nil {
		return 0, nil, fmt.Errorf("the decision of the file sink cannot be read: %w", err)
	}
	return run, out, nil
}

// State is the rows of open blocks and the closed ones that are not delivered.
func (r *rolling) State(context.Context) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := codec.AppendUint([]byte{stateVersion}, int(r.run))
	state = codec.AppendUint(state, len(r.tables))
	for _, t := range r.tables {
		state = codec.AppendText(state, t.Name)
		for _, n := range []int64{t.began, t.number, t.delivered} {
			state = codec.AppendUint(state, int(n))
		}
		state = codec.AppendUint(state, t.open.N)
		state = appendRows(state, t.open)
	}
	state = codec.AppendUint(state, len(r.closed))
	for _, b := range r.closed {
		state = codec.AppendText(state, b.table.Name)
		state = codec.AppendUint(codec.AppendUint(state, int(b.number)), int(b.run))
		state = codec.AppendUint(state, b.rows.N)
		state = appendRows(state, b.rows)
	}
	return state, nil
}

// load takes a state of these tables.
func (r *rolling) load(state []byte) error {
	in := codec.NewReader(state)
	if version := in.Number(); version != stateVersion {
		in.Fail("its version is %d and %d is expected", version, stateVersion)
	}
	r.run = max(r.run, uint32(in.Number()))
	for n := in.Count(1); n > 0 && in.Err() == nil; n-- {
		r.loadTable(in)
	}
	for n := in.Count(1); n > 0 && in.Err() == nil; n-- {
		r.loadClosed(in)
	}
	if err := in.End(); err != nil {
		return fmt.Errorf("the state of the file sink cannot be read: %w", err)
	}
	return nil
}

// loadTable takes the state of one table. Of one that is not taken any more no
// rows may wait.
func (r *rolling) loadTable(in *codec.Reader) {
	name := in.Text()
	t := r.tableNamed(name)
	if t == nil {
		t = &rollTable{}
	}
	for _, n := range []*int64{&t.began, &t.number, &t.delivered} {
		*n = int64(in.Number())
	}
	t.kept = t.number
	rows := in.Number()
	if t.Table == nil {
		in.Bytes(in.Count(1))
		r.left(name, rows)
		return
	}
	loadRows(in, t.open)
	r.waiting.Add(int64(t.open.N))
}

func (r *rolling) tableNamed(name string) *rollTable {
	if i := slices.IndexFunc(r.tables, func(t *rollTable) bool { return t.Name == name }); i >= 0 {
		return r.tables[i]
	}
	return nil
}

// left notes rows of a table that is not taken any more.
func (r *rolling) left(table string, rows int) {
	if rows > 0 && r.failed == nil {
		r.failed = fmt.Errorf("%s: the sink does not take table %s any more, and %d rows of it wait: configure it again until they are written, or reset the state", r.cfg.Dir, table, rows)
	}
}

func (r *rolling) loadClosed(in *codec.Reader) {
	name := in.Text()
	t := r.tableNamed(name)
	number, run, rows := int64(in.Number()), uint32(in.Number()), in.Number()
	if t == nil {
		in.Bytes(in.Count(1))
		r.left(name, rows)
		return
	}
	b := &block{table: t, number: number, run: run, rows: schema.NewRows(t.Table)}
	loadRows(in, b.rows)
	r.closed = append(r.closed, b)
	r.behind += sizeOf(b.rows)
	r.waiting.Add(int64(b.rows.N))
}

func appendRows(dst []byte, r *schema.Rows) []byte {
	rows := r.AppendTo(nil)
	return append(codec.AppendUint(dst, len(rows)), rows...)
}

func loadRows(in *codec.Reader, r *schema.Rows) {
	rows := in.Bytes(in.Count(1))
	if in.Err() != nil {
		return
	}
	if err := r.Load(rows); err != nil {
		in.Fail("%w", err)
	}
}
