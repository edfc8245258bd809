package window

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/axiomhq/hyperloglog"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// one is a single aggregate with its store and any number of states.
type one struct {
	aggregate
	store *store
	table *schema.Table
	batch *event.Batch
}

func newOne(t testing.TB, text string) *one {
	t.Helper()
	c, err := parseCall(text)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{arena: flat.NewArena(), count: &pipeline.Counts{}}
	a := functions()[c.function].build(c, &feed{operand: c.operand, hasher: pipetest.Hasher()})
	col := a.column()
	col.Name = "v"
	return &one{a, s, &schema.Table{Name: "t", Columns: []schema.Column{col}}, event.NewBatch(event.Want{Columns: event.AllColumns()})}
}

// state makes a state of the values' texts.
func (o *one) state(values ...string) []int64 {
	cells := make([]int64, o.width())
	u := &units{batch: o.batch, generation: uint64(o.batch.N + 1)}
	for _, v := range values {
		r := o.batch.Add()
		o.batch.Int[event.EventTime][r] = int64(r)
		o.batch.Head[r].Flags = event.IsPositional
		o.batch.Str[event.Query][r] = o.batch.Put([]byte(v))
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			o.batch.Int[event.Price][r] = int64(math.Round(f * 10_000))
			o.batch.Int[event.Position][r] = int64(f)
			o.batch.Float[event.Score][r] = f
		}
		u.row, u.item, u.cells = append(u.row, uint32(r)), append(u.item, noItem), append(u.cells, cells)
	}
	o.add(o.store, u, 0)
	return cells
}

func (o *one) rows(cells []int64) *schema.Rows {
	out := schema.NewRows(o.table)
	out.Begin()
	o.write(o.store, cells, out)
	out.End()
	return out
}

func (o *one) text(cells []int64) string {
	r := o.rows(cells)
	switch d := &r.Cols[0]; o.table.Columns[0].Type {
	case schema.Float:
		return fmt.Sprint(d.F64[0])
	case schema.Text, schema.Texts:
		var all []string
		for _, s := range d.Str {
			all = append(all, string(r.Bytes(s)))
		}
		return fmt.Sprint(all)
	default:
		return fmt.Sprint(d.I64[0])
	}
}

// TestMergeAndOrder checks that a state does not depend on how its values are
// spread over states, nor on their order, and that everything is given back.
func TestMergeAndOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	calls := []string{"count()", "count(query)", "sum(price)", "sum(position)", "sum(score)", "avg(price)", "avg(score)", "stddev(price)",
		"stddev(position)", "min(price)", "max(score)", "min(query)", "max(query)", "uniq(query)", "uniq_exact(query)", "uniq(price)",
		"quantile(price, 0.9)", "quantile(score, 0.25)", "top(query, 5)", "top(position, 3)"}
	for _, call := range calls {
		for _, n := range []int{1, 10, 400, 511, 512, 513, 3000} {
			o := newOne(t, call)
			values := make([]string, n)
			for i := range values {
				values[i] = strconv.Itoa(r.IntN(n) - n/3)
			}
			whole := o.state(values...)
			want := o.text(whole)
			shuffled := slices.Clone(values)
			r.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			parts := [][]int64{make([]int64, o.width())}
			for len(shuffled) > 0 {
				k := 1 + r.IntN(len(shuffled))
				parts = append(parts, o.state(shuffled[:k]...))
				shuffled = shuffled[k:]
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			for _, p := range parts[1:] {
				o.merge(o.store, parts[0], p)
			}
			if got := o.text(parts[0]); got != want {
				t.Errorf("%s of %d values in %d parts: %s, want %s", call, n, len(parts), got, want)
			}
			for _, p := range append(parts, whole) {
				o.free(o.store, p)
			}
			if left := o.store.arena.Len(); left != 0 {
				t.Errorf("%s: %d bytes are left after everything was freed", call, left)
			}
		}
	}
}

func TestUniqIsHyperLogLog(t *testing.T) {
	for _, n := range []int{513, 2000, 20_000, 100_000} {
		o := newOne(t, "uniq(query)")
		library, _ := hyperloglog.NewSketch(precision, false)
		cells := make([]int64, o.width())
		for i := range n {
			h := pipetest.Hasher().Sum(event.TagText, []byte(strconv.Itoa(i)))
			o.aggregate.(*uniq).take(o.store, cells, h)
			o.aggregate.(*uniq).take(o.store, cells, h)
			library.InsertHash(h.Lo)
		}
		if got, want := o.text(cells), fmt.Sprint(library.Estimate()); got != want {
			t.Errorf("%d values: %s, the library says %s", n, got, want)
		}
		if got, _ := strconv.ParseFloat(o.text(cells), 64); math.Abs(got/float64(n)-1) > 0.03 {
			t.Errorf("%d values: %v is off by more than 3 %%", n, got)
		}
	}
}

func TestQuantileIsDDSketch(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for round := range 300 {
		share := []float64{0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.999, 1}[round%8]
		o := newOne(t, fmt.Sprintf("quantile(score, %v)", share))
		library, _ := ddsketch.LogUnboundedDenseDDSketch(relativeError)
		var values []string
		var sorted []float64
		for range 1 + r.IntN(60) {
			v := []float64{0, r.NormFloat64() * 100, -r.ExpFloat64(), math.Exp(r.NormFloat64() * 20)}[r.IntN(4)]
			text := strconv.FormatFloat(v, 'g', -1, 64)
			values, sorted = append(values, text), append(sorted, v)
			if err := library.Add(v); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(sorted)
		want, err := library.GetValueAtQuantile(share)
		if err != nil {
			t.Fatal(err)
		}
		want = min(max(want, sorted[0]), sorted[len(sorted)-1])
		if got := o.rows(o.state(values...)).Cols[0].F64[0]; got != want {
			t.Fatalf("quantile %v of %v: %v, the library says %v", share, sorted, got, want)
		}
	}
}

func TestTop(t *testing.T) {
	o := newOne(t, "top(query, 3)")
	if got := o.text(o.state("b", "a", "c", "b", "c", "d", "")); got != "[b c a]" {
		t.Errorf("top: %s, want [b c a]", got)
	}
}

func TestTopOverItsLimit(t *testing.T) {
	o := newOne(t, "top(query, 2)")
	cells := make([]int64, o.width())
	take := func(text string) {
		o.aggregate.(*top).take(o.store, cells, pipetest.Hasher().Sum(event.TagText, []byte(text)), []byte(text), 1)
	}
	for i := range topMax {
		take(strconv.Itoa(i))
	}
	take("new")
	take("new")
	take("77")
	if got := o.text(cells); got != "[77 0]" || o.store.count.Evicted != 2 {
		t.Errorf("top: %s with %d evicted, want [77 0] with 2", got, o.store.count.Evicted)
	}
}

func TestWideSums(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	extremes := []int64{math.MaxInt64, math.MinInt64 + 1, 1, -1, 0}
	for range 200 {
		a, b := make([]int64, 2), make([]int64, 2)
		squares := make([]int64, 3)
		sum, want := new(big.Int), new(big.Int)
		for range 1 + r.IntN(50) {
			v := extremes[r.IntN(len(extremes))]
			if r.IntN(2) == 0 {
				v = r.Int64() - r.Int64()
			}
			addWide([][]int64{a, b}[r.IntN(2)], v)
			sum.Add(sum, big.NewInt(v))
			square := new(big.Int).Mul(big.NewInt(v), big.NewInt(v))
			want.Add(want, square)
			low := new(big.Int).And(square, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
			addLong(squares, low, new(big.Int).Rsh(square, 64).Uint64(), 0)
		}
		mergeWide(a, b)
		if bigWide(a).Cmp(sum) != 0 {
			t.Fatalf("sum %v, want %v", bigWide(a), sum)
		}
		if v, fits := narrow(a); fits != (sum.IsInt64() && sum.Int64() != event.Absent) || fits && v != sum.Int64() {
			t.Fatalf("narrow %v %v of %v", v, fits, sum)
		}
		got := new(big.Int)
		for i := 2; i >= 0; i-- {
			got.Lsh(got, 64).Add(got, new(big.Int).SetUint64(uint64(squares[i])))
		}
		if got.Cmp(want) != 0 {
			t.Fatalf("squares %v, want %v", got, want)
		}
	}
}

func TestSortableFloats(t *testing.T) {
	values := []float64{math.Inf(-1), -1e300, -2, -1e-300, 0, 1e-300, 0.5, 2, math.Inf(1)}
	for i, v := range values {
		if got := unsortable(sortable(v)); got != v {
			t.Errorf("%v becomes %v", v, got)
		}
		if i > 0 && sortable(values[i-1]) >= sortable(v) {
			t.Errorf("%v does not sort before %v", values[i-1], v)
		}
	}
	if sortable(math.NaN()) != event.Absent || sortable(math.Copysign(0, -1)) != sortable(0) {
		t.Error("NaN is absent, and the zeros are equal")
	}
}
