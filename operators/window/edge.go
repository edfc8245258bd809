package window

import (
	"bytes"
	"encoding/binary"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// edge is the value of the first or the last event that has one, in the order
// of event time, rank, message id and item. Cells: Ref of the rest of the
// order's key and the value, event time.
type edge struct {
	feed *feed
	sign int // 1: last, -1: first
	blob []byte
}

func newFirst(_ *call, f *feed) aggregate { return &edge{feed: f, sign: -1} }
func newLast(_ *call, f *feed) aggregate  { return &edge{feed: f, sign: 1} }

func (a *edge) width() int { return 2 }

func (a *edge) column() schema.Column {
	return schema.Column{Type: a.feed.columnType(), Nullable: a.feed.kind != event.Text}
}

func (a *edge) add(s *store, u *units, at int) {
	if a.feed.kind == event.Text {
		for i, v := range a.feed.bytes(u) {
			if len(v) > 0 {
				a.offer(s, u, i, u.cells[i][at:at+2], v)
			}
		}
		return
	}
	var raw [8]byte
	for i, v := range a.feed.ordered(u) {
		if v != event.Absent {
			binary.BigEndian.PutUint64(raw[:], uint64(v))
			a.offer(s, u, i, u.cells[i][at:at+2], raw[:])
		}
	}
}

// offer compares a unit's value with the one that is there.
func (a *edge) offer(s *store, u *units, i int, c []int64, value []byte) {
	row := u.row[i]
	t := u.batch.Time(int(row))
	if c[0] != 0 && t != c[1] && (t > c[1]) != (a.sign > 0) {
		return
	}
	a.blob = appendOrder(append(a.blob[:0], 0, 0, 0, 0), u.batch, row, u.item[i])
	binary.BigEndian.PutUint32(a.blob, uint32(len(a.blob)))
	a.blob = append(a.blob, value...)
	a.take(s, c, t, a.blob)
}

func (a *edge) take(s *store, c []int64, t int64, blob []byte) {
	if c[0] != 0 {
		order := bytes.Compare(orderOf(blob), orderOf(s.arena.Get(flat.Ref(c[0]))))
		if t != c[1] {
			order = 1
			if t < c[1] {
				order = -1
			}
		}
		if order*a.sign <= 0 {
			return
		}
	}
	c[0], c[1] = int64(s.arena.Replace(flat.Ref(c[0]), blob)), t
}

func orderOf(blob []byte) []byte { return blob[4:binary.BigEndian.Uint32(blob)] }

// appendOrder writes what orders events of one instant so that it compares by
// bytes as event.CompareTime does, then the item.
func appendOrder(dst []byte, b *event.Batch, row, item uint32) []byte {
	dst = append(dst, byte(b.Name[row].Rank()))
	if b.Head[row].Flags&event.IsPositional != 0 {
		dst = append(dst, 0)
		dst = binary.BigEndian.AppendUint32(dst, b.Origin[row])
		dst = binary.BigEndian.AppendUint64(dst, uint64(b.Offset[row]))
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.Element[row]))
	} else {
		dst = append(dst, 1)
		for _, c := range b.Text(event.MessageID, int(row)) {
			if dst = append(dst, c); c == 0 {
				dst = append(dst, 0xff)
			}
		}
		dst = append(dst, 0, 0)
	}
	if item == noItem {
		item = b.Head[row].ItemFirst
	}
	return binary.BigEndian.AppendUint32(dst, item-b.Head[row].ItemFirst)
}

func (a *edge) merge(s *store, into, from []int64) {
	if from[0] != 0 {
		a.take(s, into, from[1], s.arena.Get(flat.Ref(from[0])))
	}
}

func (a *edge) free(s *store, c []int64) { s.freeRef(&c[0]) }

func (a *edge) write(s *store, c []int64, out *schema.Rows) {
	var value []byte
	if c[0] != 0 {
		blob := s.arena.Get(flat.Ref(c[0]))
		value = blob[binary.BigEndian.Uint32(blob):]
	}
	if a.feed.kind == event.Text {
		out.Text(value)
		return
	}
	v := int64(event.Absent)
	if value != nil {
		v = int64(binary.BigEndian.Uint64(value))
	}
	writeOrdered(a.feed, v, out)
}
