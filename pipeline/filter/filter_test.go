package filter

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// sample is a batch of a few events, each given as column=value pairs.
func sample(t testing.TB, rows ...map[string]string) *event.Batch {
	t.Helper()
	b := event.NewBatch(event.Want{Columns: event.AllColumns(), Items: true, AllAttrs: true})
	for _, values := range rows {
		r := b.Add()
		for name, text := range values {
			set(t, b, r, name, text)
		}
		b.Name[r] = event.NameOf(b.Text(event.Event, r))
	}
	return b
}

func set(t testing.TB, b *event.Batch, r int, name, text string) {
	t.Helper()
	if key, ok := strings.CutPrefix(name, "@"); ok {
		b.AddAttr(r, b.Put([]byte(key)), b.Put([]byte(text)))
		return
	}
	switch name {
	case "profile_id":
		b.Profile[r], _ = hashOf(text)
		return
	case "is_bot":
		b.Head[r].Flags |= event.IsBot
		return
	case "source":
		b.Origin[r] = map[string]uint32{"web": 0, "till": 1}[text]
		return
	}
	c, ok := event.ColumnByName(name)
	if !ok {
		t.Fatalf("no column %s", name)
	}
	switch c.Kind() {
	case event.Text:
		b.Str[c][r] = b.Put([]byte(text))
	case event.Time:
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		b.Int[c][r] = at.UnixMilli()
	case event.Float:
		v, _ := money.Parse([]byte(text), '.')
		b.Float[c][r] = money.Float(v)
	case event.Money:
		b.Int[c][r], _ = money.Parse([]byte(text), '.')
	default:
		v, _ := money.Parse([]byte(text), '.')
		b.Int[c][r] = v / money.Scale
	}
}

func all(n int) []uint32 {
	rows := make([]uint32, n)
	for i := range rows {
		rows[i] = uint32(i)
	}
	return rows
}

func TestRows(t *testing.T) {
	b := sample(t,
		map[string]string{"event": "Order Completed", "price": "1.005", "quantity": "2", "channel": "web", "@x": "1", "event_time": "2026-03-01T10:00:00Z", "is_bot": "", "source": "till"},
		map[string]string{"event": "Product Viewed", "price": "-3", "channel": "pos", "resolved": "1", "position": "4", "rssi": "-70.5", "query": "Blue shoes"},
		map[string]string{"event": "Door Bell", "resolved": "0", "position": "0", "profile_id": "000102030405060708090a0b0c0d0e0f"},
	)
	b.Ident[event.IdentEmail][2] = event.Hash{Hi: 1}
	f := func(text, want string) {
		t.Helper()
		flt, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		e := flt.NewEval()
		e.Origins = []event.Origin{{Source: "web"}, {Source: "till"}}
		got := ""
		for _, r := range e.Rows(b, all(b.N), nil) {
			got += string(rune('0' + r))
		}
		if got != want || e.Errors() != 0 {
			t.Errorf("%s: rows %q with %d errors, want %q", text, got, e.Errors(), want)
		}
	}
	// Names and texts.
	f(`event == "Order Completed"`, "0")
	f(`event != "Order Completed"`, "12")
	f(`event == "Door Bell"`, "2")
	f(`event in ["Door Bell", "Product Viewed"]`, "12")
	f(`event in ["Order Completed", "Product Viewed"]`, "01")
	f(`event not in ["Order Completed", "Product Viewed"]`, "2")
	f(`"web" == channel`, "0")
	f(`channel >= "pos"`, "01")
	f(`channel < "web"`, "1")
	f(`event startsWith "Pro" or event endsWith "Bell"`, "12")
	f(`query contains "shoes"`, "1")
	f(`source == "till"`, "0")
	f(`source in ["web", "x"]`, "12")
	f(`attributes["x"] == "1"`, "0")
	f(`attributes["x"] == nil`, "12")
	f(`attributes.x != nil`, "0")
	// Absence.
	f(`channel != "web"`, "1")
	f(`channel == nil`, "2")
	f(`nil != channel`, "01")
	f(`channel not in ["web"]`, "12")
	f(`channel in ["web", nil]`, "02")
	f(`not (price > 0)`, "12")
	f(`email == nil`, "01")
	f(`profile_id == nil`, "01")
	f(`profile_id == "000102030405060708090a0b0c0d0e0f"`, "2")
	f(`profile_id != "000102030405060708090a0b0c0d0e0f"`, "")
	f(`profile_id in ["not one", "000102030405060708090a0b0c0d0e0f"]`, "2")
	// Amounts are exact.
	f(`price == 1.005`, "0")
	f(`price == 1.0050000001`, "")
	f(`price != 1.0050000001`, "01")
	f(`price > 1.0049999`, "0")
	f(`price >= 1.00501`, "")
	f(`price < 1.005`, "1")
	f(`price < 1.00501`, "01")
	f(`price <= -3`, "1")
	f(`price <= -3.00001`, "")
	f(`0 < price`, "0")
	f(`price in [1.005, 7]`, "0")
	f(`price > -99999999999999999999.0`, "01")
	f(`price < 99999999999999999999.0`, "01")
	f(`price >= 99999999999999999999.0`, "")
	f(`quantity > 0 and price > 0`, "0")
	f(`-5 < price < 0`, "1")
	// Numbers, floats, flags, times.
	f(`position > 3.5`, "1")
	f(`position == 0`, "2")
	f(`position in [0, 4, 9]`, "12")
	f(`rssi <= -70.5`, "1")
	f(`rssi < -70.5`, "")
	f(`rssi != 1`, "1")
	f(`rssi in [-70.5]`, "1")
	f(`resolved`, "1")
	f(`not resolved`, "02")
	f(`resolved == false`, "2")
	f(`resolved != true`, "2")
	f(`is_bot`, "0")
	f(`is_bot == false`, "12")
	f(`is_bot != nil`, "012")
	f(`event_time >= "2026-03-01T11:00:00+01:00"`, "0")
	f(`event_time > "2026-03-01T10:00:00Z"`, "")
	f(`event_time > "2026-02-28"`, "0")
	f(`event_time in ["2026-03-01T10:00:00Z"]`, "0")
	// Combinations.
	f(`true`, "012")
	f(`false or price > 0`, "0")
	f(`(channel == "web" || channel == "pos") && !(price > 0)`, "1")
	f(`channel == "pos" or price > 0`, "01")
	// The rest of the library.
	f(`lower(channel) == "pos"`, "1")
	f(`upper(channel) != "POS"`, "0")
	f(`price * 2 > 2`, "0")
	f(`channel == "pos" or len(event) == 9`, "12")
	f(`query matches "^B.*s$"`, "1")
	f(`(query ?? "none") == "none"`, "02")
	f(`attributes["x"] + "0" == "10"`, "0")
	f(`len(attributes) == 1`, "0")
	f(`event_time.Hour() == 10`, "0")
	f(`any([1, 2], # == position - 2)`, "1")
	f(`let p = position; p == 4`, "1")
	f(`price == quantity`, "")
	f(`price != quantity`, "0")
	f(`channel != query`, "1")
}

func TestErrorsCount(t *testing.T) {
	b := sample(t, map[string]string{"query": "abc"}, map[string]string{})
	flt, err := Compile(`int(query) > 1`)
	if err != nil {
		t.Fatal(err)
	}
	e := flt.NewEval()
	if got := e.Rows(b, all(2), nil); len(got) != 0 || e.Errors() != 1 {
		t.Errorf("rows %v with %d errors, want none with 1: an absent value is no error", got, e.Errors())
	}
}

func TestItems(t *testing.T) {
	b := event.NewBatch(event.Want{Columns: event.AllColumns(), Items: true})
	r := b.Add()
	set(t, b, r, "event", "Order Completed")
	set(t, b, r, "price", "100")
	set(t, b, r, "coupon", "ALL")
	for _, price := range []int64{10_000, 30_000} {
		i := b.AddItem(r)
		b.Item.Int[event.Price][i] = price
	}
	b.Item.Str[event.Coupon][1] = b.Put([]byte("ONE"))
	b.Name[r] = event.OrderCompleted
	rows, items := []uint32{0, 0, 0}, []uint32{0, 1, noItem}
	f := func(text string, want ...uint32) {
		t.Helper()
		flt, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := flt.NewEval().Units(b, rows, items, nil); !slices.Equal(got, want) {
			t.Errorf("%s: units %v, want %v", text, got, want)
		}
	}
	f(`event == "Order Completed"`, 0, 1, 2)
	f(`price > 2`, 1, 2)
	f(`price * 1 < 2`, 0)
	f(`coupon == "ALL"`, 0, 2)
	f(`coupon in ["ALL", "ONE"]`, 0, 1, 2)
	f(`upper(coupon) == "ONE"`, 1)
	f(`product_id == nil and price == 3`, 1)
}

func TestWants(t *testing.T) {
	f := func(text string, items, vectorised bool, columns ...event.Column) {
		t.Helper()
		flt, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if flt.Wants().Columns != event.SetOf(columns...) || flt.UsesItems() != items || flt.IsVectorised() != vectorised {
			t.Errorf("%s: wants %v, items %v, vectorised %v", text, flt.Wants(), flt.UsesItems(), flt.IsVectorised())
		}
	}
	f(`channel == "web" and step in ["1"]`, false, true, event.Channel, event.Step)
	f(`category == "a"`, true, true, event.Category)
	f(`upper(brand) == "A" or city == nil`, true, false, event.Brand, event.City)
	f(`amount > 5`, false, true, event.Amount, event.Price, event.Quantity)
	f(`attributes["a"] == "1"`, false, true)
}

func TestFaults(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, err := Compile(text)
		if err == nil {
			t.Errorf("%s: no fault", text)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %s", text, err, w)
			}
		}
	}
	f(`order_id == 5`, "column 10: order_id is a text and 5 is a number")
	f(`channel == "a" and price == "x"`, "column 26: price is an amount", `"x" is a text`)
	f(`price == true`, "an amount", "true is a boolean")
	f(`price in [1, "a"]`, `"a" is a text`)
	f(`resolved == 1`, "a flag", "a number")
	f(`event_time > "yesterday"`, "event_time is a time")
	f(`event_time > 5`, "event_time is a time and 5 is a number")
	f(`chanel == "web"`, "column 1: chanel is no field of an event: did you mean channel?")
	f(`price > 1 and (foo == 1 or bar == 2)`, "foo is no field", "bar is no field")
	f(`store_id == ""`, `column 10: store_id is never "": a blank value is absent, which store_id == nil finds`)
	f(`"" == coupon or price > 1`, `coupon is never ""`)
	f(`channel in ["web", ""]`, `column 20: channel is never ""`)
	f(`event not in [""]`, `event is never ""`)
	f(`email == "a@b.c"`, "hash only")
	f(`upper(email) == "a@b.c"`, "hash only")
	f(`not channel == "web"`, "parentheses")
	f(`channel`, "no condition")
	f(`price +`, "unexpected token EOF")
	f(``, "unexpected token EOF")
	f(`price + "a" == "b"`, "column 7:", "mismatched types")
	f(`price + 1`, "bool")
	f(`shout(channel) == "a"`, "there is no function shout")
	f(`event_time < now()`, "column 14: now() is refused")
	f(`channel > nil`, "nil is neither")
	f("channel == \"a\"\nand foo", "line 2, column 5: foo")
}

func TestNoAllocations(t *testing.T) {
	b := sample(t, map[string]string{"event": "Order Completed", "price": "1", "channel": "web"},
		map[string]string{"event": "Product Viewed", "price": "2", "channel": "app"})
	flt, err := Compile(`event == "Order Completed" and price > 0 and not (channel in ["pos", "store"]) or channel == "x"`)
	if err != nil {
		t.Fatal(err)
	}
	e, rows, keep := flt.NewEval(), all(2), make([]uint32, 0, 8)
	if n := testing.AllocsPerRun(100, func() { keep = e.Rows(b, rows, keep[:0]) }); n != 0 {
		t.Errorf("%v allocations per evaluation, want none", n)
	}
}

func TestSpans(t *testing.T) {
	values := []int64{event.Absent, math.MinInt64 + 1, -2, -1, 0, 1, 2, math.MaxInt64}
	for _, op := range []string{"==", "!=", "<", "<=", ">", ">="} {
		for _, floor := range values[1:] {
			for _, exact := range []bool{true, false} {
				s := spanOf(op, bound{floor, exact})
				for i, v := range values {
					got := len(keepInts([]int64{v}, s, op == "!=", []uint32{0}, nil)) == 1
					if want := i > 0 && naive(op, v, floor, exact); got != want {
						t.Errorf("%d %s %d (exact %v): %v, want %v", v, op, floor, exact, got, want)
					}
				}
			}
		}
	}
}

// naive compares v with floor, or with a constant a little above it.
func naive(op string, v, floor int64, exact bool) bool {
	less, equal := v < floor || !exact && v == floor, exact && v == floor
	switch op {
	case "==":
		return equal
	case "!=":
		return !equal
	case "<":
		return less
	case "<=":
		return less || equal
	case ">":
		return !less && !equal
	}
	return !less
}
