package pipeline

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"touchstream/pipeline/codec"
	"touchstream/pipeline/event"
)

// frost is what a reorder queue must leave alone while a snapshot is written of
// it. The queue goes on in the same memory: rows that came later take other
// slots, and those that have left stay in theirs.
type frost struct {
	rows *frozenRows // nil: not frozen
	// slab says that the queue's slab is the snapshot's too, profiles that its
	// column of profiles is.
	slab, profiles bool
	limbo          []uint32 // slots to free at the thaw
	old            *event.Batch
	spare          *frozenRows // without rows, for the next freeze
}

// frozenRows are the rows and joins of a queue at one moment.
type frozenRows struct {
	slab  event.Batch
	views []*event.Batch // by number; all queues of a buffer share the list
	runs  []run
	joins []join
}

// freeze cuts between steps; views are those of the queue's table by number. What
// it gives stays as it is until the thaw, while the queue goes on.
func (q *reorder) freeze(views []*event.Batch) *frozenRows {
	if q.frost.rows != nil || len(q.fresh)+len(q.released) > 0 {
		panic("a reorder queue is frozen twice or within a step")
	}
	for i := range q.runs {
		q.runs[i].frozen = true
	}
	z := q.frost.spare
	if z == nil {
		z = &frozenRows{}
	}
	z.slab, z.views = *q.slab, views
	z.runs, z.joins = append(z.runs[:0], q.runs...), append(z.joins[:0], q.joins...)
	q.frost.rows, q.frost.slab, q.frost.profiles = z, true, true
	return z
}

// thaw ends a freeze, between steps, once nobody reads its rows any more.
func (q *reorder) thaw() {
	if q.frost.old != nil {
		q.empty.give(q.frost.old)
	}
	q.free = append(q.free, q.frost.limbo...)
	for i := range q.runs {
		q.runs[i].frozen = false
	}
	spare := cmp.Or(q.frost.rows, q.frost.spare)
	if spare != nil {
		clear(spare.runs)
		*spare = frozenRows{runs: spare.runs[:0], joins: spare.joins[:0]}
	}
	q.frost = frost{limbo: q.frost.limbo[:0], spare: spare}
}

// freeSlots frees slots, at once if no frozen row can be in them.
func (q *reorder) freeSlots(slots []uint32) {
	if !q.frost.slab {
		q.free = append(q.free, slots...)
		return
	}
	for _, s := range slots {
		if int(s) >= q.frost.rows.slab.N {
			q.free = append(q.free, s)
		} else {
			q.frost.limbo = append(q.frost.limbo, s)
		}
	}
}

// ownRun gives a run's keys for changes in place.
func (q *reorder) ownRun(i int) []orderKey {
	if r := &q.runs[i]; r.frozen {
		*r = run{keys: append(q.takeRun(len(r.keys)), r.keys...)}
	}
	return q.runs[i].keys
}

// ownProfiles lets profiles be changed in place.
func (q *reorder) ownProfiles() {
	if q.frost.profiles {
		q.slab.Profile, q.frost.profiles = slices.Clone(q.slab.Profile), false
	}
}

// giveSlab gives the slab away, at the thaw if it is a snapshot's too.
func (q *reorder) giveSlab() {
	if !q.frost.slab {
		q.empty.give(q.slab)
		return
	}
	q.frost.old, q.frost.slab, q.frost.profiles = q.slab, false, false
	q.frost.limbo = q.frost.limbo[:0]
}

// savedRowsMax is how many rows are written at once.
const savedRowsMax = 4096

// save writes the rows in the order of the runs, so that a queue that loads
// them goes on exactly as this one does. It may run beside the queue's owner.
func (z *frozenRows) save(w io.Writer) error {
	head := codec.AppendUint(nil, len(z.runs))
	for _, r := range z.runs {
		head = codec.AppendUint(head, len(r.keys))
	}
	head = codec.AppendUint(head, len(z.joins))
	for _, j := range z.joins {
		head = codec.AppendAll(head, []int64{j.at, j.seq})
		head = codec.AppendAll(head, []event.Hash{j.old, j.current})
	}
	if err := writePortion(w, append(make([]byte, portionHeader), head...)); err != nil {
		return err
	}
	rows, buf, scratch := make([]uint32, 0, savedRowsMax), make([]byte, portionHeader), gathered{}
	for _, r := range z.runs {
		for keys := range slices.Chunk(r.keys, savedRowsMax) {
			from := z.gather(keys, &scratch)
			rows = rows[:0]
			for i, k := range keys {
				if from != &z.slab {
					k.slot = uint32(i)
				}
				rows = append(rows, k.slot)
			}
			buf = from.AppendRows(buf[:portionHeader], rows)
			if err := writePortion(w, buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// gathered is a batch for rows of several, and where each of them has some.
type gathered struct {
	batch       *event.Batch
	slots, rows map[uint16][]uint32
}

// gather gives a batch with the rows of the keys, in their order: the slab, if
// they all lie there.
func (z *frozenRows) gather(keys []orderKey, g *gathered) *event.Batch {
	if !slices.ContainsFunc(keys, func(k orderKey) bool { return k.view != 0 }) {
		return &z.slab
	}
	if g.batch == nil {
		*g = gathered{event.NewBatch(z.slab.Want), map[uint16][]uint32{}, map[uint16][]uint32{}}
		g.batch.Empty = event.AllColumns()
	}
	g.batch.Clear()
	for view := range g.slots {
		g.slots[view], g.rows[view] = g.slots[view][:0], g.rows[view][:0]
	}
	for _, k := range keys {
		g.slots[k.view] = append(g.slots[k.view], uint32(g.batch.Add()))
		g.rows[k.view] = append(g.rows[k.view], k.slot)
	}
	for view, slots := range g.slots {
		from := &z.slab
		if view != 0 {
			from = z.views[view]
		}
		g.batch.CopyRows(slots, from, g.rows[view])
	}
	return g.batch
}

// portionHeader is the length of a portion.
const portionHeader = 4

// writePortion writes bytes whose first are left free for their length.
func writePortion(w io.Writer, b []byte) error {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-portionHeader))
	_, err := w.Write(b)
	return err
}

// readPortion reads a portion, lent until buf is used again. A damaged length
// costs no more memory than there are bytes.
func readPortion(r io.Reader, buf *bytes.Buffer) ([]byte, error) {
	var length [portionHeader]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, noEnd(err)
	}
	buf.Reset()
	if _, err := io.CopyN(buf, r, int64(binary.LittleEndian.Uint32(length[:]))); err != nil {
		return nil, noEnd(err)
	}
	return buf.Bytes(), nil
}

// noEnd makes an end where more is needed an error like any other.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// load replaces what the queue holds by what was saved. An error leaves it empty.
func (q *reorder) load(r io.Reader) error {
	q.clear()
	if err := q.loadAll(r); err != nil {
		q.clear()
		return fmt.Errorf("rows that wait for their order: %w", err)
	}
	return nil
}

func (q *reorder) clear() {
	if q.frost.rows != nil {
		panic("a frozen reorder queue is loaded")
	}
	q.slab.Clear()
	q.free, q.fresh, q.released = q.free[:0], q.fresh[:0], q.released[:0]
	q.runs, q.joins, q.held, q.kept, q.dead = nil, nil, 0, 0, 0
}

func (q *reorder) loadAll(r io.Reader) error {
	var buf bytes.Buffer
	head, err := readPortion(r, &buf)
	if err != nil {
		return err
	}
	lengths, joins, err := readHead(head)
	if err != nil {
		return err
	}
	b := event.NewBatch(q.slab.Want)
	b.Empty = event.AllColumns()
	for _, n := range lengths {
		var keys []orderKey
		for len(keys) < n {
			portion, err := readPortion(r, &buf)
			if err != nil {
				return err
			}
			b.Clear()
			if err := b.LoadRows(portion); err != nil {
				return err
			}
			if b.N == 0 || b.N > n-len(keys) {
				return fmt.Errorf("%d rows follow %d in a run of %d", b.N, len(keys), n)
			}
			keys = q.loadKeys(keys, b)
		}
		if !slices.IsSortedFunc(keys, q.compare) {
			return errors.New("a run of rows is not in order")
		}
		q.runs = append(q.runs, run{keys: keys})
	}
	q.joins = joins
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return cmp.Or(err, errors.New("bytes follow the last row"))
	}
	return nil
}

// loadKeys copies the rows of b to the slab, and adds their keys.
func (q *reorder) loadKeys(keys []orderKey, b *event.Batch) []orderKey {
	q.slots, q.moved = q.slots[:0], q.moved[:0]
	for row := range b.N {
		q.slots, q.moved = append(q.slots, uint32(q.slab.Add())), append(q.moved, uint32(row))
	}
	q.slab.CopyRows(q.slots, b, q.moved)
	for _, s := range q.slots {
		keys = append(keys, q.key(s))
	}
	q.held, q.kept = q.held+b.N, q.kept+b.N
	return keys
}

// readHead gives the lengths of the runs, and the joins.
func readHead(head []byte) (lengths []int, joins []join, err error) {
	in := codec.NewReader(head)
	for range in.Count(1) {
		lengths = append(lengths, in.Number())
	}
	const joinBytes = 2*8 + 2*16
	for range in.Count(joinBytes) {
		var at [2]int64
		var profiles [2]event.Hash
		codec.Fill(in, at[:])
		codec.Fill(in, profiles[:])
		joins = append(joins, join{at: at[0], seq: at[1], old: profiles[0], current: profiles[1]})
	}
	if !slices.IsSortedFunc(joins, join.compare) {
		in.Fail("joins are not in order")
	}
	return lengths, joins, in.End()
}
