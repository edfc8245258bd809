package event

import (
	"math"
	"math/rand/v2"
	"testing"
)

// absent checks that a row is as if nothing had ever been there.
func absent(t *testing.T, what string, b *Batch, row int) {
	t.Helper()
	for c := range Column(NumColumns) {
		if len(b.Text(c, row)) > 0 || b.Num(c, row) != Absent || !math.IsNaN(b.Real(c, row)) {
			t.Errorf("%s: row %d has %s", what, row, c)
		}
	}
	for k := range Ident(NumIdents) {
		if !b.Ident[k][row].IsZero() {
			t.Errorf("%s: row %d has the identifier %s", what, row, k)
		}
	}
	if b.Name[row] != 0 || b.Head[row].Flags != 0 || !b.Head[row].Device.IsZero() || !b.Profile[row].IsZero() || b.Head[row].ItemCount != 0 || b.AttrCount[row] != 0 {
		t.Errorf("%s: row %d has %v %v, %d items, %d attributes", what, row, b.Name[row], b.Head[row].Flags, b.Head[row].ItemCount, b.AttrCount[row])
	}
}

func TestRowsAreAbsentAtFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	b := random(r, 100)
	b.Reset()
	for range 300 { // beyond what there was room for
		absent(t, "after Reset", b, b.Add())
	}
	if b.N != 300 || b.room.rows < 300 || b.Item.N != 0 || len(b.Arena) != 0 || len(b.AttrKey) != 0 {
		t.Errorf("%d rows, room for %d, %d items, %d bytes, %d attributes", b.N, b.room.rows, b.Item.N, len(b.Arena), len(b.AttrKey))
	}
}

func TestGrowKeepsRows(t *testing.T) {
	b := random(rand.New(rand.NewPCG(4, 4)), 20)
	var before []string
	for row := range b.N {
		before = append(before, show(b, row))
	}
	b.Grow(1000)
	for row, want := range before {
		if got := show(b, row); got != want {
			t.Errorf("row %d became\n%s\nfrom\n%s", row, got, want)
		}
	}
	if was := b.room.rows; was < 1020 {
		t.Errorf("room for %d rows", was)
	} else if b.Grow(1); b.room.rows != was {
		t.Errorf("room for %d rows grew to %d without need", was, b.room.rows)
	}
}

func TestUndo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for from := range 12 {
		b := random(r, 12)
		var kept []string
		items, attrs := uint32(0), uint32(0)
		for row := range from {
			kept = append(kept, show(b, row))
			items, attrs = items+b.Head[row].ItemCount, attrs+b.AttrCount[row]
		}
		b.Undo(from)
		if b.N != from || b.Item.N != int(items) || len(b.AttrKey) != int(attrs) || len(b.Item.Str[ProductID]) != int(items) {
			t.Fatalf("from row %d: %d rows, %d items of %d, %d attributes of %d are left", from, b.N, b.Item.N, items, len(b.AttrKey), attrs)
		}
		for row, want := range kept {
			if got := show(b, row); got != want {
				t.Errorf("row %d became\n%s\nfrom\n%s", row, got, want)
			}
		}
		absent(t, "after Undo", b, b.Add())
	}
}

func TestColumnsThatAreNotWanted(t *testing.T) {
	b := NewBatch(Want{Columns: SetOf(Channel)})
	row := b.Add()
	if b.Text(UserID, row) != nil || b.Num(Price, row) != Absent || !math.IsNaN(b.Real(Score, row)) || b.ItemText(SKU, 0) != nil || b.ItemNum(Price, 0) != Absent {
		t.Error("a column that is not wanted has a value")
	}
	if b.Str[Event] == nil || b.Int[EventTime] == nil {
		t.Error("event and event_time are not always there")
	}
}

func TestAttributes(t *testing.T) {
	b := NewBatch(Want{AllAttrs: true})
	for range 2 {
		row := b.Add()
		b.AddAttr(row, b.Put([]byte("colour")), b.Put([]byte{byte('a' + row)}))
		b.AddAttr(row, b.Put([]byte("empty")), Str{})
	}
	if string(b.Attr("colour", 0)) != "a" || string(b.Attr("colour", 1)) != "b" || len(b.Attr("empty", 0)) != 0 || b.Attr("size", 0) != nil {
		t.Errorf("attributes %q, %q", b.Attr("colour", 0), b.Attr("colour", 1))
	}
}

// TestOrderOfFacts: event time, rank, then message ids, positions by number and
// before texts; late rows come first.
func TestOrderOfFacts(t *testing.T) {
	b := rowsOf(8)
	set := func(row int, at int64, n Name, id string, origin uint32, offset int64, element int32) {
		b.Int[EventTime][row], b.Name[row], b.Mark[row] = at, n, math.MinInt64
		b.Origin[row], b.Offset[row], b.Element[row] = origin, offset, element
		if b.Str[MessageID][row] = b.Put([]byte(id)); id == "" {
			b.Head[row].Flags = IsPositional
		}
	}
	set(0, 10, OrderCompleted, "a", 0, 0, 0)
	set(1, 11, ProductViewed, "", 0, 9, 0)
	set(2, 11, ProductViewed, "", 0, 10, 0)
	set(3, 11, ProductViewed, "", 0, 10, 1)
	set(4, 11, ProductViewed, "", 1, 2, 0)
	set(5, 11, ProductViewed, "10", 0, 0, 0)
	set(6, 11, ProductViewed, "9", 0, 0, 0)
	set(7, 11, ProductAdded, "1", 0, 0, 0)
	for x := range 8 {
		for y := range 8 {
			want := 0
			if x < y {
				want = -1
			} else if x > y {
				want = 1
			}
			if got := CompareTime(b, x, b, y); got != want {
				t.Errorf("rows %d and %d compare as %d", x, y, got)
			}
		}
	}
	b.Mark[7] = 12
	if CompareOrder(b, 7, b, 0) != -1 || CompareOrder(b, 0, b, 7) != 1 || !b.IsLate(7) || b.Eff(7) != 12 || b.Eff(0) != 10 {
		t.Error("a late row does not come first")
	}
}
