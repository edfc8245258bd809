package identity

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/pipetest"
)

const hour = 3_600_000

func testOptions() Options {
	return Options{MaxLinks: 2, SharedDevices: []string{"tablet"}, MaxIdentifiers: 1000, MaxReferences: 1000,
		ReferenceKept: 2 * hour, Hasher: pipetest.Hasher()}
}

// randomLog writes events of few people who share few identifiers.
func randomLog(r *rand.Rand, events int) string {
	var sb strings.Builder
	at := pipetest.Zero + 10*hour
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	maybe := func(n int, field string, values ...string) string {
		if r.IntN(n) > 0 {
			return ""
		}
		return " " + field + "=" + pick(values...)
	}
	for i := range events {
		switch r.IntN(12) {
		case 0:
		case 1:
			at += 2 * hour
		case 2:
			at += r.Int64N(30 * hour)
		default:
			at += r.Int64N(20 * 60_000)
		}
		t := at
		if r.IntN(4) == 0 {
			t -= r.Int64N(3 * hour)
		}
		line := pipetest.FormatTime(t) + " " + pick("page", "page", "page", "Order Completed", "Order Refunded", "Shipment Updated",
			"Shipment Delayed", "Pickup Ready", "Call Started", "Call Ended", "Case Closed", "identify")
		line += maybe(3, "user_id", "u1", "u2", "u3", "u4") + maybe(4, "loyalty_id", "l1", "l2", "l3") +
			maybe(5, "email", "a@x", "b@x", "c@x", "A@x") + maybe(8, "phone", "+1", "+2") + maybe(8, "payment_token", "t1", "t2", "t3") +
			maybe(2, "anonymous_id", "a1", "a2", "a3", "a4", "a5", "a6") + maybe(4, "device_id", "d1", "d2", "tablet") +
			maybe(4, "order_id", "o1", "o2", "o3") + maybe(6, "call_id", "c1", "c2") + maybe(8, "case_id", "s1", "s2") + maybe(6, "shipment_id", "p1", "p2")
		if r.IntN(2) == 0 {
			line += fmt.Sprintf(" message_id=m%d", i)
		}
		sb.WriteString(line + "\n")
	}
	return sb.String()
}

// TestAgainstOracle compares every event's profile, all merges and all final
// rows with those of the oracle.
func TestAgainstOracle(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		script := randomLog(r, 20+int(seed)%100)
		l, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		opts := testOptions()
		opts.MaxLinks = 1 + r.IntN(3)
		how := pipetest.Options{Lag: hour, Step: r.IntN(8)}
		got := run(t, opts, l, how)
		how.Restore = pipetest.Never
		want := pipetest.RunResolver(t, func() *oracle { return newOracle(opts) }, l, how, nil)
		for i := range want.Events {
			if got.Events[i] != want.Events[i] {
				t.Fatalf("seed %d, event %d: got %s, want %s\n%s", seed, i+1, got.Events[i], want.Events[i], script)
			}
		}
		if g, w := fmt.Sprint(got.Merges), fmt.Sprint(want.Merges); g != w {
			t.Fatalf("seed %d: merges\n got %s\nwant %s\n%s", seed, g, w, script)
		}
		if got.Final() != want.Final() {
			t.Fatalf("seed %d:\n%s\n%s", seed, pipetest.Diff(got.Final(), want.Final()), script)
		}
		if n := got.Resolver.(*Resolver).references.Len(); n > 0 {
			t.Fatalf("seed %d: %d references are left at the end of time", seed, n)
		}
	}
}

// TestSmallCaps keeps the state whole when everything is evicted early.
func TestSmallCaps(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		l, err := pipetest.Parse(randomLog(r, 150))
		if err != nil {
			t.Fatal(err)
		}
		opts := testOptions()
		opts.MaxIdentifiers, opts.MaxReferences = 1+r.IntN(8), 1+r.IntN(4)
		fresh := func() *Resolver { return New(opts) }
		got := pipetest.RunResolver(t, fresh, l, pipetest.Options{Lag: hour, Step: 7}, func(res *Resolver) {
			check(t, res)
			if n := res.idents.Len(); n > opts.MaxIdentifiers {
				t.Fatalf("seed %d: %d identifiers, cap %d", seed, n, opts.MaxIdentifiers)
			}
			if n := res.references.Len(); n > opts.MaxReferences {
				t.Fatalf("seed %d: %d references, cap %d", seed, n, opts.MaxReferences)
			}
		})
		if got.Count.Evicted == 0 {
			t.Fatalf("seed %d: nothing was evicted", seed)
		}
		res := got.Resolver.(*Resolver)
		for res.evict() {
			check(t, res)
		}
		if n := res.profiles.Len() + res.ids.Len() + res.arena.Len() + res.details.Len(); n != 0 {
			t.Fatalf("seed %d: %d profiles, %d ids and %d bytes are left of nothing", seed, res.profiles.Len(), res.ids.Len(), res.arena.Len())
		}
	}
}

// run feeds the log to a resolver and checks its state after each event.
func run(t *testing.T, opts Options, l *pipetest.Log, how pipetest.Options) *pipetest.Resolved {
	t.Helper()
	return pipetest.RunResolver(t, func() *Resolver { return New(opts) }, l, how, func(res *Resolver) { check(t, res) })
}

// check walks the state: every list leads to what it should and nothing else
// is there.
func check(t *testing.T, r *Resolver) {
	t.Helper()
	idents, references, profiles := map[uint32]int{}, map[uint32]uint32{}, 0
	r.idents.Each(func(k flat.Key, e *identifier) bool {
		idents[e.profile]++
		if !r.profiles.Live(e.profile) || r.profiles.At(e.profile).parent != 0 {
			t.Fatalf("%s: profile %d is not current", e.kind, e.profile)
		}
		return true
	})
	r.references.Each(func(k flat.Key, e *reference) bool {
		if !r.profiles.Live(e.profile) {
			t.Fatalf("reference to profile %d, which is not there", e.profile)
		}
		references[root(r, e.profile)]++
		return true
	})
	r.profiles.Each(func(p uint32, e *profile) bool {
		profiles++
		if e.parent != 0 {
			return true
		}
		n, prev := 0, uint32(0)
		for id := e.idents; id != 0; prev, id = id, r.detail(id).next {
			n++
			x, d := r.idents.At(id), r.detail(id)
			if x.profile != p || d.prev != prev {
				t.Fatalf("profile %d lists an identifier of %d behind %d, not %d", p, x.profile, d.prev, prev)
			} else if h := hashOf(r.idents.KeyAt(id)); x.kind == event.IdentUser && e.user != h {
				t.Fatalf("profile %d: user %s, lists %s", p, e.user, h)
			}
		}
		if n != idents[p] || e.references != references[p] || n == 0 && e.references == 0 {
			t.Fatalf("profile %d: lists %d identifiers of %d, counts %d references of %d", p, n, idents[p], e.references, references[p])
		}
		last := uint32(0)
		for old := e.merged; old != 0; last, old = old, r.profiles.At(old).old {
			profiles++
			if root(r, old) != p {
				t.Fatalf("profile %d lists %d, which lives on in %d", p, old, root(r, old))
			}
		}
		if last != 0 && last != e.old {
			t.Fatalf("profile %d: last is %d, not %d", p, e.old, last)
		}
		return true
	})
	merged := 0
	r.profiles.Each(func(_ uint32, e *profile) bool {
		if e.parent != 0 {
			merged++
		}
		return true
	})
	if profiles != r.profiles.Len()+merged {
		t.Fatalf("%d profiles are listed, %d are there", profiles-merged, r.profiles.Len())
	}
}

func root(r *Resolver, p uint32) uint32 {
	for r.profiles.At(p).parent != 0 {
		p = r.profiles.At(p).parent
	}
	return p
}
