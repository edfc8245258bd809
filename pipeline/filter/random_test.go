package filter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

// condition is a random expression with its own slow meaning.
type condition struct {
	text  string
	holds func(b *event.Batch, row int) bool
}

func randomCondition(r *rand.Rand, depth int) condition {
	if depth == 0 || r.IntN(4) == 0 {
		return randomLeaf(r)
	}
	x, y := randomCondition(r, depth-1), randomCondition(r, depth-1)
	switch r.IntN(3) {
	case 0:
		return condition{"(" + x.text + ") and (" + y.text + ")", func(b *event.Batch, row int) bool { return x.holds(b, row) && y.holds(b, row) }}
	case 1:
		return condition{"(" + x.text + ") or (" + y.text + ")", func(b *event.Batch, row int) bool { return x.holds(b, row) || y.holds(b, row) }}
	}
	return condition{"not (" + x.text + ")", func(b *event.Batch, row int) bool { return !x.holds(b, row) }}
}

func randomLeaf(r *rand.Rand) condition {
	op := []string{"==", "!=", "<", "<=", ">", ">="}[r.IntN(6)]
	switch r.IntN(6) {
	case 0:
		v := r.Int64N(5) - 2
		return condition{fmt.Sprintf("position %s %d", op, v), func(b *event.Batch, row int) bool {
			x := b.Num(event.Position, row)
			return x != event.Absent && naive(op, x, v, true)
		}}
	case 1:
		v := string(rune('a' + r.IntN(4)))
		return condition{fmt.Sprintf("channel %s %q", op, v), func(b *event.Batch, row int) bool {
			x := string(b.Text(event.Channel, row))
			return x != "" && naive(op, int64(strings.Compare(x, v)), 0, true)
		}}
	case 2:
		return condition{`channel in ["a", "c", "zz"]`, func(b *event.Batch, row int) bool {
			x := string(b.Text(event.Channel, row))
			return x == "a" || x == "c"
		}}
	case 3:
		return condition{`price == nil`, func(b *event.Batch, row int) bool { return b.Num(event.Price, row) == event.Absent }}
	case 4:
		v := r.Int64N(40_000) - 20_000
		sign, u := "", v
		if v < 0 {
			sign, u = "-", -v
		}
		return condition{fmt.Sprintf("price %s %s%d.%04d5", op, sign, u/10_000, u%10_000), func(b *event.Batch, row int) bool {
			x := b.Num(event.Price, row)
			floor := v
			if sign != "" {
				floor = v - 1
			}
			return x != event.Absent && naive(op, x, floor, false)
		}}
	}
	return condition{`upper(channel) == "A"`, func(b *event.Batch, row int) bool { return string(b.Text(event.Channel, row)) == "a" }}
}

func TestRandomConditions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := event.NewBatch(event.Want{Columns: event.AllColumns()})
		for range 1 + r.IntN(40) {
			row := b.Add()
			if r.IntN(3) > 0 {
				b.Str[event.Channel][row] = b.Put([]byte{byte('a' + r.IntN(4))})
			}
			if r.IntN(3) > 0 {
				b.Int[event.Position][row] = r.Int64N(5) - 2
			}
			if r.IntN(3) > 0 {
				b.Int[event.Price][row] = r.Int64N(40_000) - 20_000
			}
		}
		c := randomCondition(r, 4)
		flt, err := Compile(c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		rows := all(b.N)
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		var want []uint32
		for _, row := range rows {
			if c.holds(b, int(row)) {
				want = append(want, row)
			}
		}
		e := flt.NewEval()
		if got := e.Rows(b, rows, nil); !slices.Equal(got, want) {
			t.Fatalf("%s: rows %v, want %v", c.text, got, want)
		}
		items := slices.Repeat([]uint32{noItem}, len(rows))
		var units []uint32
		for _, i := range e.Units(b, rows, items, nil) {
			units = append(units, rows[i])
		}
		if !slices.Equal(units, want) {
			t.Fatalf("%s: units %v, want %v", c.text, units, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`event == "a"`, `price in [1, 2.5, nil]`, `not (a.b ?? ^c)`, `let x = 1; x > 2`, "fields[\"A b\"] != `x`", `1..3`, `"\`} {
		f.Add(seed)
	}
	b := event.NewBatch(event.Want{Columns: event.AllColumns()})
	b.Add()
	f.Fuzz(func(t *testing.T, text string) {
		if flt, err := Compile(text); err == nil {
			flt.NewEval().Rows(b, []uint32{0}, nil)
		}
		if flt, err := CompileFields(text); err == nil {
			flt.NewEval().Keep(func(int) ([]byte, FieldKind) { return []byte("1"), Number })
		}
	})
}
