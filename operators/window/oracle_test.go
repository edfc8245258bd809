package window

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// The oracle works from the text of semantics alone: it puts every unit into
// the lists of its windows and computes each aggregate over the list.

// unit is an event or an item with what the tests' aggregates need.
type unit struct {
	row, item     uint32
	at, mark      int64
	channel       string
	category      string
	amount, price int64
	order         string
	score         float64
}

// oracle holds the parameters of one window.
type oracle struct {
	size, slide, gap, lateness int64
	keys                       []string
	items                      bool
	where                      func(u *unit) bool
}

func (o *oracle) units(b *event.Batch) []unit {
	var all []unit
	for r := range b.N {
		u := unit{
			row: uint32(r), item: noItem, at: b.Time(r), mark: b.Mark[r], channel: string(b.Text(event.Channel, r)),
			category: string(b.Text(event.Category, r)), amount: b.Num(event.Amount, r), price: b.Num(event.Price, r),
			order: string(b.Text(event.OrderID, r)), score: b.Real(event.Score, r),
		}
		if !o.items || b.Head[r].ItemCount == 0 {
			all = append(all, u)
			continue
		}
		for i := range b.Head[r].ItemCount {
			u.item = b.Head[r].ItemFirst + i
			u.category = string(b.ItemText(event.Category, int(u.item)))
			u.amount, u.price = b.ItemNum(event.Amount, int(u.item)), b.ItemNum(event.Price, int(u.item))
			all = append(all, u)
		}
	}
	if o.where != nil {
		all = slices.DeleteFunc(all, func(u unit) bool { return !o.where(&u) })
	}
	return all
}

func (u *unit) key(keys []string) string {
	var parts []string
	for _, k := range keys {
		v := u.channel
		if k == "category" {
			v = u.category
		}
		if v != "" {
			parts = append(parts, k+"="+v)
		}
	}
	return strings.Join(parts, " ")
}

// span is one window with its units.
type span struct {
	start, end int64
	units      []unit
}

// spans gives the windows of one key.
func (o *oracle) spans(units []unit) []span {
	if o.gap > 0 {
		return o.sessions(units)
	}
	windows := map[int64]*span{}
	for _, u := range units {
		for start := floorDiv(u.at, o.slide) * o.slide; start > u.at-o.size; start -= o.slide {
			if u.at < u.mark && start+o.size+o.lateness < u.mark {
				continue
			}
			if windows[start] == nil {
				windows[start] = &span{start: start, end: start + o.size}
			}
			windows[start].units = append(windows[start].units, u)
		}
	}
	var out []span
	for _, w := range windows {
		out = append(out, *w)
	}
	return out
}

func (o *oracle) sessions(units []unit) []span {
	units = slices.DeleteFunc(slices.Clone(units), func(u unit) bool { return u.at < u.mark && u.at+o.gap+o.lateness < u.mark })
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(a.at, b.at) })
	var out []span
	for _, u := range units {
		if n := len(out); n > 0 && u.at <= out[n-1].end {
			out[n-1].units, out[n-1].end = append(out[n-1].units, u), u.at+o.gap
			continue
		}
		out = append(out, span{u.at, u.at + o.gap, []unit{u}})
	}
	return out
}

// aggregates of the property test, with their slow meanings.
var slowly = []struct {
	name, call string
	value      func(b *event.Batch, units []unit) string
}{
	{"n", "count()", func(_ *event.Batch, us []unit) string { return strconv.Itoa(len(us)) }},
	{"orders", "count(order_id)", func(_ *event.Batch, us []unit) string {
		n := 0
		for _, u := range us {
			if u.order != "" {
				n++
			}
		}
		return strconv.Itoa(n)
	}},
	{"total", "sum(amount)", func(_ *event.Batch, us []unit) string {
		sum, any := int64(0), false
		for _, u := range us {
			if u.amount != event.Absent {
				sum, any = sum+u.amount, true
			}
		}
		return moneyText(sum, any)
	}},
	{"mean", "avg(amount)", func(_ *event.Batch, us []unit) string {
		values := amounts(us)
		if len(values) == 0 {
			return ""
		}
		sum := new(big.Rat)
		for _, v := range values {
			sum.Add(sum, big.NewRat(v, money.Scale))
		}
		f, _ := sum.Quo(sum, big.NewRat(int64(len(values)), 1)).Float64()
		return floatText(f)
	}},
	{"deviation", "stddev(amount)", func(_ *event.Batch, us []unit) string {
		values := amounts(us)
		if len(values) < 2 {
			return ""
		}
		mean, squares := 0.0, 0.0
		for _, v := range values {
			mean += money.Float(v) / float64(len(values))
		}
		for _, v := range values {
			squares += (money.Float(v) - mean) * (money.Float(v) - mean)
		}
		return floatText(math.Sqrt(squares / float64(len(values)-1)))
	}},
	{"least", "min(amount)", func(_ *event.Batch, us []unit) string {
		values := amounts(us)
		return moneyText(least(values), len(values) > 0)
	}},
	{"best", "max(score)", func(_ *event.Batch, us []unit) string {
		best := math.NaN()
		for _, u := range us {
			if u.score == u.score && !(best >= u.score) {
				best = u.score
			}
		}
		if best != best {
			return ""
		}
		return floatText(best)
	}},
	{"opening", "first(order_id)", func(b *event.Batch, us []unit) string { return edgeOf(b, us, 1) }},
	{"closing", "last(order_id)", func(b *event.Batch, us []unit) string { return edgeOf(b, us, -1) }},
	{"different", "uniq(order_id)", distinct},
	{"exactly", "uniq_exact(order_id)", distinct},
	{"median", "quantile(amount, 0.5)", func(_ *event.Batch, us []unit) string {
		values := amounts(us)
		if len(values) == 0 {
			return ""
		}
		d, err := ddsketch.LogUnboundedDenseDDSketch(0.01)
		if err != nil {
			panic(err)
		}
		for _, v := range values {
			if err := d.Add(money.Float(v)); err != nil {
				panic(err)
			}
		}
		v, err := d.GetValueAtQuantile(0.5)
		if err != nil {
			panic(err)
		}
		slices.Sort(values)
		return floatText(min(max(v, money.Float(values[0])), money.Float(values[len(values)-1])))
	}},
	{"favourites", "top(order_id, 2)", func(_ *event.Batch, us []unit) string {
		counts := map[string]int{}
		for _, u := range us {
			if u.order != "" {
				counts[u.order]++
			}
		}
		var names []string
		for name := range counts {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
		return "[" + strings.Join(names[:min(2, len(names))], ",") + "]"
	}},
}

func amounts(us []unit) []int64 {
	var out []int64
	for _, u := range us {
		if u.amount != event.Absent {
			out = append(out, u.amount)
		}
	}
	return out
}

func least(values []int64) int64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Min(values)
}

func distinct(_ *event.Batch, us []unit) string {
	seen := map[string]bool{}
	for _, u := range us {
		if u.order != "" {
			seen[u.order] = true
		}
	}
	return strconv.Itoa(len(seen))
}

func edgeOf(b *event.Batch, us []unit, sign int) string {
	best := -1
	for i, u := range us {
		if u.order == "" {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		if c := event.CompareTime(b, int(u.row), b, int(us[best].row)); c*sign < 0 {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return us[best].order
}

func moneyText(v int64, has bool) string {
	if !has {
		return ""
	}
	return string(money.Append(nil, v))
}

func floatText(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// rows writes the final rows as pipetest does.
func (o *oracle) rows(b *event.Batch, table *schema.Table) string {
	byKey := map[string][]unit{}
	for _, u := range o.units(b) {
		byKey[u.key(o.keys)] = append(byKey[u.key(o.keys)], u)
	}
	var lines []string
	for key, units := range byKey {
		for _, w := range o.spans(units) {
			line := table.Name + ":"
			if key != "" {
				line += " " + key
			}
			line += " window_start=" + quoted(pipetest.FormatTime(w.start)) + " window_end=" + quoted(pipetest.FormatTime(w.end))
			for _, a := range slowly {
				v := a.value(b, w.units)
				if nullable := table.Columns[table.Column(a.name)].Nullable; v == "" || v == "0" && !nullable || v == "[]" {
					continue
				}
				line += " " + a.name + "=" + v
			}
			lines = append(lines, line+" is_final=true")
		}
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return "(none)\n"
	}
	return strings.Join(lines, "\n") + "\n"
}

func quoted(s string) string { return s }

func (o *oracle) mustEqual(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	var diff []string
	for _, l := range g {
		if !slices.Contains(w, l) {
			diff = append(diff, "got  "+l)
		}
	}
	for _, l := range w {
		if !slices.Contains(g, l) {
			diff = append(diff, "want "+l)
		}
	}
	t.Fatalf("%s:\n%s", what, fmt.Sprint(strings.Join(diff, "\n")))
}
