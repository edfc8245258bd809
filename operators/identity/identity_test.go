package identity

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
)

// TestData runs the scripts. What comes out is a line per event with its
// profile, P1, P2, … in the order of their appearance, and the rows of all
// tables. "?1" is a provisional profile, "-" none.
func TestData(t *testing.T) {
	pipetest.Data(t, "testdata/*.txt", func(t *testing.T, c *pipetest.Case) string {
		opts := Options{MaxLinks: 5, MaxIdentifiers: 1000, MaxReferences: 1000, ReferenceKept: 90 * 24 * hour, Hasher: pipetest.Hasher()}
		for k, v := range c.Options {
			n, err := strconv.Atoi(v)
			switch {
			case k == "shared_devices":
				opts.SharedDevices = strings.Fields(v)
			case err != nil:
				t.Fatalf("option %s: %v", k, err)
			case k == "max_links":
				opts.MaxLinks = n
			case k == "max_identifiers":
				opts.MaxIdentifiers = n
			case k == "kept_hours":
				opts.ReferenceKept = int64(n) * hour
			}
		}
		l, err := pipetest.Parse(c.Script)
		if err != nil {
			t.Fatal(err)
		}
		steps := func(step int) string {
			got := run(t, opts, l, pipetest.Options{Lag: 10_000, Step: step})
			return readable(strings.Join(got.Events, "\n")+"\n"+got.Emitted("revision"), c.Script)
		}
		all := steps(0)
		if one := steps(1); one != all {
			t.Errorf("steps of 1:\n%s all at once:\n%s", one, all)
		}
		return all
	})
}

var (
	provisionalID = regexp.MustCompile(`\?[0-9a-f]{16}`)
	profileID     = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	hashedField   = regexp.MustCompile(`\b(email|phone|payment_token|anonymous_id)=(\S+)`)
)

// readable gives profiles and hashed values names.
func readable(text, script string) string {
	for _, m := range hashedField.FindAllStringSubmatch(script, -1) {
		c, _ := event.ColumnByName(m[1])
		for k := range event.Ident(event.NumIdents) {
			if k.Column() == c {
				v := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(m[2]), "+"), "00")
				text = strings.ReplaceAll(text, pipetest.Hasher().Sum(byte(k), []byte(v)).String(), "hash("+v+")")
			}
		}
	}
	name := func(re *regexp.Regexp, prefix string) {
		names := map[string]string{}
		text = re.ReplaceAllStringFunc(text, func(id string) string {
			if names[id] == "" {
				names[id] = fmt.Sprintf("%s%d", prefix, len(names)+1)
			}
			return names[id]
		})
	}
	name(provisionalID, "?")
	name(profileID, "P")
	return text
}

// TestAddress asks for the raw identifiers of a profile, also by the id of one
// that merged into it.
func TestAddress(t *testing.T) {
	l, err := pipetest.Parse(`
10:00 page anonymous_id=a device_id=d1
10:01 page loyalty_id=l1 user_id=u1
10:02 page device_id=d2 user_id=u1
10:03 page device_id=d1 user_id=u1
10:04 page user_id=u1 email=x@y
`)
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, testOptions(), l, pipetest.Options{Open: true})
	res := got.Resolver.(*Resolver)
	for _, m := range got.Merges {
		for _, id := range []event.Hash{m.Old, m.Current} {
			user, loyalty, device := res.Address(id)
			if string(user) != "u1" || string(loyalty) != "l1" || string(device) != "d1" {
				t.Errorf("%s: %q, %q, %q; want u1, l1 and d1, which was seen last", id, user, loyalty, device)
			}
		}
	}
	if len(got.Merges) == 0 {
		t.Error("nothing merged")
	}
	if user, loyalty, device := res.Address(event.Hash{Hi: 1, Lo: 1}); user != nil || loyalty != nil || device != nil {
		t.Error("an unknown profile has an address")
	}
}

// crowd is a batch of events of n people, each with three identifiers.
func crowd(tb testing.TB, n int) *event.Batch {
	tb.Helper()
	var sb strings.Builder
	for i := range n {
		fmt.Fprintf(&sb, "%s page user_id=u%d anonymous_id=a%d device_id=d%d message_id=m%d\n", pipetest.FormatTime(pipetest.Zero+int64(i)), i, i, i, i)
		fmt.Fprintf(&sb, "%s Order Refunded anonymous_id=a%d order_id=o%d message_id=n%d\n", pipetest.FormatTime(pipetest.Zero+int64(i)), i, i, i)
	}
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		tb.Fatal(err)
	}
	return l.Batch(0)
}

func feed(tb testing.TB, n int) (res *Resolver, turn *pipeline.Turn, b *event.Batch, rows []uint32) {
	b = crowd(tb, n)
	opts := testOptions()
	opts.MaxIdentifiers, opts.MaxReferences = 10*n, 10*n
	res, turn = New(opts), pipeline.NewTurn(pipetest.Hasher(), Tables())
	turn.Origins = []event.Origin{{Source: "log"}}
	for i := range b.N {
		rows = append(rows, uint32(i))
	}
	res.Resolve(turn, b, rows, nil)
	return res, turn, b, rows
}

// TestKnownIdentifiersDoNotAllocate resolves events of people who are known.
func TestKnownIdentifiersDoNotAllocate(t *testing.T) {
	res, turn, b, rows := feed(t, 500)
	if n := testing.AllocsPerRun(20, func() { res.Resolve(turn, b, rows, nil); res.Advance(turn) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkKnown(b *testing.B) {
	res, turn, batch, rows := feed(b, 20_000)
	b.ReportAllocs()
	for b.Loop() {
		res.Resolve(turn, batch, rows, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/event")
	b.ReportMetric(float64(res.Bytes())/float64(res.Entries()), "B/identifier")
}

func BenchmarkFirstSight(b *testing.B) {
	batch := crowd(b, 20_000)
	var rows []uint32
	for i := range batch.N {
		rows = append(rows, uint32(i))
	}
	opts := testOptions()
	opts.MaxIdentifiers, opts.MaxReferences = 1<<20, 1<<20
	turn := pipeline.NewTurn(pipetest.Hasher(), Tables())
	turn.Origins = []event.Origin{{Source: "log"}}
	for b.Loop() {
		New(opts).Resolve(turn, batch, rows, nil)
		turn.Reset()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/event")
}
