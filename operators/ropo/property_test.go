package ropo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
)

// world says what a random log may hold.
type world struct {
	late, merges bool
	lookback     int64
	wholes       bool // orders of one whole event only
}

// logWriter writes random events of a few people and products.
type logWriter struct {
	*rand.Rand
	strings.Builder
	world
	at     int64
	events int
}

func (w *logWriter) pick(s ...string) string { return s[w.IntN(len(s))] }

func (w *logWriter) say(t int64, format string, args ...any) {
	id := ""
	switch n := w.IntN(1000)*1000 + w.events; w.IntN(4) {
	case 0:
		id = fmt.Sprintf(" message_id=m%d", n)
	case 1:
		id = fmt.Sprintf(" message_id=%08x-0000-4000-8000-00000000abcd", n)
	}
	w.events++
	fmt.Fprintf(w, "%s %s%s\n", pipetest.FormatTime(pipetest.Zero+t), fmt.Sprintf(format, args...), id)
}

// move lets time pass: ties, bounds exactly, minutes, hours, days.
func (w *logWriter) move() {
	switch w.IntN(12) {
	case 0, 1:
	case 2:
		w.at += 2 * hourMs
	case 3:
		w.at += []int64{48 * hourMs, 4 * hourMs, 30 * 60_000, 60_000, w.lookback / 2, w.lookback}[w.IntN(6)]
	case 4:
		w.at += w.Int64N(30 * hourMs)
	case 5, 6:
		w.at += w.Int64N(40 * 60_000)
	default:
		w.at += w.Int64N(100_000)
	}
}

// time is now, or before.
func (w *logWriter) time() int64 {
	if w.late && w.IntN(4) == 0 {
		return w.at - w.Int64N(40)*hourMs
	}
	return w.at
}

// thing is a product; what is known of it varies.
func (w *logWriter) thing() string {
	n := w.IntN(5)
	s := fmt.Sprintf(" product_id=p%d", n)
	if w.IntN(3) > 0 {
		s += fmt.Sprintf(" category=c%d", n/2)
	}
	if w.IntN(4) == 0 {
		s += fmt.Sprintf(" sku=s%d", n)
	}
	return s
}

func (w *logWriter) money() string {
	return w.pick("", " quantity=2", " quantity=1.5", "") + w.pick(" price=9.99", " price=0", " price=3.33", "")
}

func (w *logWriter) items() string {
	var all []string
	for range 1 + w.IntN(3) {
		all = append(all, fmt.Sprintf("p%d%s", w.IntN(5), w.pick("", ":1:10", ":2:3.33", ":1:0", "::5")))
	}
	return " items=" + strings.Join(all, ",")
}

func (w *logWriter) touch(who string) {
	more := w.pick("", " campaign=x", " campaign=y") + w.pick("", " device_type=phone", " device_type=desktop")
	channel := w.pick("", " channel=web", " channel=app", " channel=store")
	switch w.IntN(6) {
	case 0:
		w.say(w.time(), "Tag Read%s%s%s%s", who, w.thing(), channel, more)
	case 1:
		w.say(w.time(), "Staff Scan%s%s%s", who, w.thing(), more)
	case 2:
		w.say(w.time(), "Product List Viewed%s category=c%d items=p1,p2%s%s", who, w.IntN(3), channel, more)
	case 3:
		w.say(w.time(), "Product Added%s%s%s%s", who, w.items(), channel, more)
	default:
		w.say(w.time(), "%s%s%s%s%s", w.pick("Product Viewed", "Product Clicked", "Product Added"), who, w.thing(), channel, more)
	}
}

// orderID is the id of an order of today, or of some days ago. With a long
// lookback the same ids come again and again.
func (w *logWriter) orderID(orders string, ago int64) string {
	if w.lookback > 5*dayMs {
		return fmt.Sprintf(" order_id=%s%d", orders, w.IntN(4))
	}
	return fmt.Sprintf(" order_id=%s%d-%d", orders, w.IntN(2), w.at/dayMs-ago)
}

func (w *logWriter) order(who, orders string) {
	id := w.orderID(orders, 0)
	if w.wholes {
		id = fmt.Sprintf(" order_id=o%d", w.events)
	}
	tail := w.pick(" channel=pos store_id=s1", " channel=pos", " channel=web", " channel=app fulfilment=pickup") + w.pick("", " currency=PLN")
	switch n := w.IntN(5); {
	case n == 0 && !w.wholes:
		w.say(w.time(), "Order Completed%s%s%s", who, w.items(), tail)
	case n == 1:
		w.say(w.time(), "Order Completed%s%s amount=20%s", who, id, tail)
	case n == 2 && !w.wholes:
		for range 1 + w.IntN(3) {
			w.say(w.at, "Order Completed%s%s%s%s%s", who, id, w.thing(), w.money(), tail)
		}
	case n == 3 && !w.wholes:
		w.say(w.time(), "Order Completed%s%s%s%s%s", who, id, w.thing(), w.money(), tail)
	default:
		w.say(w.time(), "Order Completed%s%s%s%s", who, id, w.items(), tail)
	}
}

func (w *logWriter) refund(who, orders string) {
	id := w.orderID(orders, w.Int64N(4))
	switch w.IntN(8) {
	case 0:
		w.say(w.time(), "Order Cancelled%s%s", who, id)
	case 1:
		w.say(w.time(), "Order Refunded%s%s", who, id)
	case 2, 3:
		w.say(w.time(), "Order Refunded%s%s amount=%s", who, id, w.pick("1", "7.77", "100"))
	case 4:
		w.say(w.time(), "Order Refunded%s%s%s", who, id, w.items())
	default:
		w.say(w.time(), "Order Refunded%s%s product_id=p%d%s", who, id, w.IntN(5), w.pick("", " quantity=1", " amount=2", " quantity=1 amount=3"))
	}
}

// place is what sensors and doors say. Those that come late, or before a merge,
// are no first sightings that a function of all events could know.
func (w *logWriter) place(who string) {
	switch n := w.IntN(6); {
	case n == 0 || w.late || w.merges:
		w.say(w.time(), "Store Entered%s store_id=s1", who)
	case n == 1:
		w.say(w.at, "Sensor Seen%s store_id=%s", who, w.pick("s1", "s1", "s2"))
	case n == 2:
		w.say(w.at, "%s%s store_id=s1", w.pick("Store Exited", "Zone Exited"), who)
	default:
		w.say(w.at, "%s%s zone_id=%s%s", w.pick("Zone Entered", "Zone Entered", "Zone Exited"), who, w.pick("shoes", "shoes", "hats", "hall", "nowhere"),
			w.pick("", " channel=store", " store_id=s1"))
	}
}

// randomLog gives a script and the profile that each profile is in the end.
func randomLog(r *rand.Rand, world world, events int) (script string, final func(event.Hash) event.Hash) {
	w := &logWriter{Rand: r, world: world, at: 10 * hourMs}
	groups := [][]string{{"ann", "bob", "cid"}, {"dan"}}
	merged := map[string]string{}
	current := func(name string) string {
		for n, ok := merged[name]; ok; n, ok = merged[name] {
			name = n
		}
		return name
	}
	join := func(a, b string) {
		if a, b = current(a), current(b); w.merges && a != b {
			fmt.Fprintf(w, "merge %s %s\n", a, b)
			merged[a] = b
		}
	}
	for range events {
		if w.move(); w.lookback > 5*dayMs {
			w.at = min(w.at, 25*dayMs)
		}
		group := groups[w.IntN(len(groups))]
		who, orders := " profile="+w.pick(group...), "o"+group[0]
		if !w.merges {
			orders = "o" + who[9:]
		}
		switch n := w.IntN(20); {
		case n < 10:
			w.touch(who)
		case n < 14:
			w.order(who, orders)
		case n < 16:
			w.refund(who, orders)
		case n < 19:
			w.place(who)
		default:
			w.say(w.at, "Order Completed%s channel=pos", w.pick("", w.thing(), w.items()))
		}
		if w.IntN(15) == 0 {
			join(w.pick(group...), w.pick(group...))
		}
	}
	for _, g := range groups {
		for _, name := range g {
			join(name, g[0])
		}
	}
	return w.String(), func(h event.Hash) event.Hash {
		for _, g := range groups {
			for _, name := range g {
				if h == pipetest.Profile(name) {
					return pipetest.Profile(current(name))
				}
			}
		}
		return h
	}
}

// TestAgainstOracle compares final rows with those of the oracle: at once, in
// other step cuts, over four shards, and shuffled within out-of-orderness.
func TestAgainstOracle(t *testing.T) {
	const lag = 60_000
	for seed := range uint64(240) {
		r := rand.New(rand.NewPCG(seed, 11))
		kind := seed % 4
		world := world{late: kind == 1 || kind == 3, merges: kind >= 2, lookback: 30 * dayMs}
		keys := []string{"touches: 4096"}
		switch {
		case kind > 0:
		case seed%8 == 0:
			world.lookback = 2 * dayMs
		default:
			world.wholes = true
			keys = []string{fmt.Sprintf("touches: %d", 1+r.IntN(6))}
		}
		keys = append(keys, fmt.Sprintf("lookback: %dh", world.lookback/hourMs))
		if r.IntN(3) == 0 {
			keys = append(keys, "match_any: true")
		}
		script, final := randomLog(r, world, 20+r.IntN(60))
		l, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		op := operator(t, keys...)
		o := newOracle(op.cfg, op.venue, l, lag, final)
		want := pipetest.Text(l, o.run())
		check := func(how string, l *pipetest.Log, opt pipetest.Options) {
			t.Helper()
			opt.Lag, opt.Loose = lag, world.merges
			res := pipetest.Run(t, op, l, opt)
			checkEmpty(t, res)
			if got := res.Final(); got != want {
				t.Fatalf("seed %d, %v, %s:\n%s\n%s", seed, keys, how, script, pipetest.Diff(got, want))
			}
		}
		check("at once", l, pipetest.Options{})
		check("one by one", l, pipetest.Options{Step: 1})
		check("in sevens, four shards", l, pipetest.Options{Step: 7, Shards: 4})
		if !world.late && !world.merges {
			check("shuffled", l.Shuffle(seed, lag), pipetest.Options{Step: 4})
		}
	}
}

// checkEmpty fails the test when anything is left in memory at the end of time.
func checkEmpty(t *testing.T, res *pipetest.Result) {
	t.Helper()
	for _, left := range res.Shards {
		s := left.(*shard)
		if s.profiles.Len()+s.orders.Len()+s.lines.Len()+s.byOrder.Len()+s.arena.Len()+s.timers.Len()+s.stays.Len() > 0 {
			t.Fatalf("%d profiles, %d orders, %d in the index, %d lines, %d bytes, %d timers and %d stays are left",
				s.profiles.Len(), s.orders.Len(), s.byOrder.Len(), s.lines.Len(), s.arena.Len(), s.timers.Len(), s.stays.Len())
		}
	}
}

// TestSmallCaps keeps few profiles, and loses nothing of its memory.
func TestSmallCaps(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 12))
		script, _ := randomLog(r, world{late: true, merges: seed%2 == 0, lookback: 30 * dayMs}, 80)
		l, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		op := operator(t, "max_profiles: 1", "touches: 3")
		res := pipetest.Run(t, op, l, pipetest.Options{Lag: 60_000, Step: 5, Shards: 1 + int(seed%3), Loose: true})
		checkEmpty(t, res)
		if res.Count.Evicted == 0 {
			t.Fatalf("seed %d: nothing was evicted", seed)
		}
	}
}
