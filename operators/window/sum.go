package window

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// sum adds exactly, in 128 bits. Cells: low, high, number of values.
type sum struct{ feed *feed }

func newSum(_ *call, f *feed) aggregate { return &sum{f} }

func (a *sum) width() int { return 3 }

func (a *sum) column() schema.Column {
	if a.feed.scale() == 1 {
		return schema.Column{Type: schema.Int, Nullable: true}
	}
	return schema.Column{Type: schema.Money, Nullable: true}
}

func (a *sum) add(_ *store, u *units, at int) { addSums(a.feed.ints(u), u, at) }

func addSums(values []int64, u *units, at int) {
	for i, v := range values {
		if v != event.Absent {
			c := u.cells[i][at : at+3 : at+3]
			addWide(c, v)
			c[2]++
		}
	}
}

func (a *sum) merge(_ *store, into, from []int64) {
	mergeWide(into, from)
	into[2] += from[2]
}

func (a *sum) free(*store, []int64) {}

func (a *sum) write(s *store, c []int64, out *schema.Rows) {
	v, fits := narrow(c)
	switch {
	case c[2] == 0:
		v = event.Absent
	case !fits:
		v = event.Absent
		s.count.Ignored++
	}
	if a.feed.scale() == 1 {
		out.Int(v)
		return
	}
	out.Money(v)
}
