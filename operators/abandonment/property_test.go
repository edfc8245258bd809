package abandonment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/pipetest"
)

// randomLog writes events of few people, minutes and hours apart, with ties,
// gaps exactly as long as a stage's after and, with late set, events from
// long ago and merges of profiles.
func randomLog(r *rand.Rand, late bool) string {
	var sb strings.Builder
	at := int64(10 * hour)
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	people := []string{"ann", "bob", "guest"}
	for i := range 50 {
		switch r.IntN(8) {
		case 0, 1:
		case 2:
			at += hour
		case 3:
			at += hour / 2
		case 4:
			at += hour/4 + r.Int64N(2)
		case 5:
			at += r.Int64N(5 * hour)
		default:
			at += r.Int64N(hour / 4)
		}
		t := at
		if late && r.IntN(5) == 0 {
			t -= r.Int64N(40) * hour / 10
		}
		if late && i == 30 {
			sb.WriteString("merge guest ann\n")
			people = people[:2]
		}
		who := " profile=" + people[r.IntN(len(people))] + pick("", "", " channel=web", " channel=pos")
		if r.IntN(2) == 0 {
			who += fmt.Sprintf(" message_id=m%d", r.IntN(1000)*100+i)
		}
		if r.IntN(30) == 0 {
			who += " bot=true"
		}
		product := " product_id=" + pick("p1", "p2", "p3")
		line := product + pick("", " quantity=2", " quantity=1") + pick("", " price=3.33", " price=10 currency=EUR", " price=7 currency=USD")
		what := ""
		switch r.IntN(13) {
		case 0, 1:
			what = "Product Viewed" + who + product
		case 2:
			what = pick("Product Clicked", "Product List Viewed") + who + product
		case 3, 4, 5:
			what = "Product Added" + who + line + pick("", " cart_id=c1", " cart_id=c2")
		case 6:
			what = "Product Removed" + who + product + pick("", " quantity=1")
		case 7:
			what = pick("Checkout Started", "Payment Info Entered", "Cart Viewed") + who
		case 8:
			what = "Order Completed" + who + fmt.Sprintf(" order_id=o%d amount=%d currency=%s", r.IntN(40), r.IntN(9), pick("EUR", "USD"))
		case 9:
			what = "Order Completed" + who + line + fmt.Sprintf(" order_id=l%d", r.IntN(6))
		case 10:
			what = pick("Form Started", "Form Field Completed", "Form Field Failed") + who + pick("", " form_id=f1", " form_id=f2") + pick("", " field=email")
		case 11:
			what = pick("Form Submitted", "Form Started") + who + pick("", " form_id=f1", " form_id=f2")
		default:
			what = pick("Store Entered", "Store Exited", "page", "identify") + who
		}
		fmt.Fprintf(&sb, "%s %s\n", pipetest.FormatTime(pipetest.Zero+t), what)
	}
	return sb.String()
}

// settings are configurations that the random logs are run with.
var settings = [][]string{
	{"recovery: 6h"},
	{"recovery: 6h", "cart: {after: 30m}"},
	{"recovery: 3h", "checkout: {after: 15m}", "browse: {after: 2h}"},
	{"recovery: 6h", "form: {}", "cart: {}"},
}

// shown leaves of triggers what the oracle knows.
var shown = append([]string{"expires_at", "causation_id", "payload"}, hidden...)

// TestAgainstOracle compares final rows and triggers of logs without late
// events and merges: at once, in other step cuts, over four shards and shuffled
// within out-of-orderness.
func TestAgainstOracle(t *testing.T) {
	const lag = 120_000
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 11))
		script, keys := randomLog(r, false), settings[r.IntN(len(settings))]
		l, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		o := &oracle{cfg: operator(t, 1, keys...).cfg}
		want := o.run(l, lag)
		for _, name := range []string{"ann", "bob", "guest"} {
			want = strings.ReplaceAll(want, pipetest.Profile(name).String(), name)
		}
		check := func(how string, l *pipetest.Log, opt pipetest.Options) {
			t.Helper()
			opt.Lag = lag
			res := pipetest.Run(t, operator(t, opt.Shards, keys...), l, opt)
			if got := strings.TrimPrefix(res.Final(shown...), "(none)\n"); sorted(got) != sorted(want) {
				t.Fatalf("seed %d, %v, %s:\n%s\n%s", seed, keys, how, script, pipetest.Diff(got, want))
			}
			if res.Entries != 0 {
				t.Fatalf("seed %d, %s: %d entries are left", seed, how, res.Entries)
			}
		}
		check("at once", l, pipetest.Options{})
		check("one by one", l, pipetest.Options{Step: 1})
		check("in sevens, four shards", l, pipetest.Options{Step: 7, Shards: 4})
		check("shuffled", l.Shuffle(seed, lag), pipetest.Options{Step: 4})
	}
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestLateAndMerged runs logs with late events and a merge: whatever the step
// cuts and shards, all rows and triggers are the same, and an episode triggers
// abandonment.fired and each closing once at most.
func TestLateAndMerged(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 12))
		script, keys := randomLog(r, true), append([]string{}, settings[r.IntN(len(settings))]...)
		keys = append(keys, []string{"early: 0s", "early: 20m", "policy: same_sku"}[r.IntN(3)])
		l, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		run := func(step, shards int) *pipetest.Result {
			return pipetest.Run(t, operator(t, shards, keys...), l, pipetest.Options{Lag: 60_000, Step: step, Shards: shards})
		}
		all := run(0, 1)
		if one, got := run(1, 1).Emitted(), all.Emitted(); one != got {
			t.Fatalf("seed %d, %v, one by one:\n%s\n%s", seed, keys, script, pipetest.Diff(one, got))
		}
		if four, got := run(3, 4).Final(), all.Final(); four != got {
			t.Fatalf("seed %d, %v, four shards:\n%s\n%s", seed, keys, script, pipetest.Diff(four, got))
		}
		if all.Entries != 0 {
			t.Fatalf("seed %d: %d entries are left", seed, all.Entries)
		}
		seen := map[string]bool{}
		for _, line := range strings.Split(all.Emitted(append(shown, "due_at")...), "\n") {
			if strings.HasPrefix(line, "triggers:") {
				if seen[line] {
					t.Fatalf("seed %d, %v:\n%s\ntwice: %s", seed, keys, script, line)
				}
				seen[line] = true
			}
		}
	}
}
