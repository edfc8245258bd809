package window

import (
	"bytes"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// extreme is the least or greatest number. Cells: value, whether there is one.
type extreme struct {
	feed *feed
	sign int64 // 1: greatest, -1: least
}

// textExtreme is the first or last text by its bytes. Cells: Ref.
type textExtreme struct {
	feed *feed
	sign int
}

func newMin(_ *call, f *feed) aggregate { return newExtreme(f, -1) }
func newMax(_ *call, f *feed) aggregate { return newExtreme(f, 1) }

func newExtreme(f *feed, sign int) aggregate {
	if f.kind == event.Text {
		return &textExtreme{f, sign}
	}
	return &extreme{f, int64(sign)}
}

func (a *extreme) width() int { return 2 }

func (a *extreme) column() schema.Column {
	return schema.Column{Type: a.feed.columnType(), Nullable: true}
}

func (a *extreme) add(_ *store, u *units, at int) {
	for i, v := range a.feed.ordered(u) {
		if v != event.Absent {
			a.take(u.cells[i][at:at+2], v)
		}
	}
}

func (a *extreme) take(c []int64, v int64) {
	if c[1] == 0 || a.sign > 0 && v > c[0] || a.sign < 0 && v < c[0] {
		c[0], c[1] = v, 1
	}
}

func (a *extreme) merge(_ *store, into, from []int64) {
	if from[1] != 0 {
		a.take(into, from[0])
	}
}

func (a *extreme) free(*store, []int64) {}

func (a *extreme) write(_ *store, c []int64, out *schema.Rows) {
	v := c[0]
	if c[1] == 0 {
		v = event.Absent
	}
	writeOrdered(a.feed, v, out)
}

// writeOrdered writes a value of ordered as its column's type.
func writeOrdered(f *feed, v int64, out *schema.Rows) {
	switch f.columnType() {
	case schema.Time:
		out.Time(v)
	case schema.Money:
		out.Money(v)
	case schema.Flag:
		out.NullFlag(v)
	case schema.Float:
		out.Float(unsortable(v))
	default:
		out.Int(v)
	}
}

func (a *textExtreme) width() int            { return 1 }
func (a *textExtreme) column() schema.Column { return schema.Column{Type: a.feed.columnType()} }

func (a *textExtreme) add(s *store, u *units, at int) {
	for i, v := range a.feed.bytes(u) {
		if len(v) > 0 {
			a.take(s, &u.cells[i][at], v)
		}
	}
}

func (a *textExtreme) take(s *store, c *int64, v []byte) {
	if *c == 0 || bytes.Compare(v, s.arena.Get(flat.Ref(*c)))*a.sign > 0 {
		*c = int64(s.arena.Replace(flat.Ref(*c), v))
	}
}

func (a *textExtreme) merge(s *store, into, from []int64) {
	if from[0] != 0 {
		a.take(s, &into[0], s.arena.Get(flat.Ref(from[0])))
	}
}

func (a *textExtreme) free(s *store, c []int64) { s.freeRef(&c[0]) }

func (a *textExtreme) write(s *store, c []int64, out *schema.Rows) {
	out.Text(s.arena.Get(flat.Ref(c[0])))
}
