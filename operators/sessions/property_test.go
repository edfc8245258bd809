package sessions

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"touchstream/pipeline/pipetest"
)

// pathColumns are outside the promise in rows with late events.
var pathColumns = regexp.MustCompile(` (engaged_ms|cart_items_max|cart_value_max|cart_value_end)=\S+`)

func withoutPaths(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.Contains(l, " late_events=") {
			lines[i] = pathColumns.ReplaceAllString(l, "")
		}
	}
	return strings.Join(lines, "\n")
}

// randomLog writes events of few devices a few minutes apart, with ties, gaps
// exactly at the bound, repeated orders, two currencies and, with late set,
// events from long ago.
func randomLog(r *rand.Rand, late bool) string {
	var sb strings.Builder
	at := int64(10 * 3_600_000)
	say := func(t int64, format string, args ...any) {
		fmt.Fprintf(&sb, "%s %s\n", pipetest.FormatTime(pipetest.Zero+t), fmt.Sprintf(format, args...))
	}
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	for i := range 60 {
		switch r.IntN(8) {
		case 0, 1:
		case 2:
			at += 600_000
		case 3:
			at += 599_999
		case 4:
			at += r.Int64N(2_000_000)
		default:
			at += r.Int64N(90_000)
		}
		t := at
		if late && r.IntN(5) == 0 {
			t -= r.Int64N(30) * 60_000
		}
		who := pick("anonymous_id=a", "anonymous_id=a", "anonymous_id=b", "anonymous_id=b user_id=u", "anonymous_id=a user_id=v", "user_id=u", "loyalty_id=l")
		who += pick("", "", " profile=ann", " profile=bob")
		who += pick("", "", " channel=web", " channel=app country=PL", " campaign=x", " device_type=phone city=Brno", " store_id=s referrer=r")
		if r.IntN(2) == 0 {
			who += fmt.Sprintf(" message_id=m%d", r.IntN(1000)*100+i)
		}
		product := " product_id=" + pick("p1", "p2", "p3", "p4", "p5")
		line := product + pick("", " quantity=2", " quantity=0.5", " quantity=0") + pick("", " price=3.33", " price=10 currency=EUR", " price=7 currency=USD")
		if r.IntN(3) == 0 {
			line = strings.NewReplacer(" currency=EUR", "", " currency=USD", "").Replace(line)
		}
		switch r.IntN(12) {
		case 0, 1, 2:
			say(t, "page %s page_path=/%s", who, pick("a", "b", "c"))
		case 3:
			say(t, "Product Viewed %s%s", who, product)
		case 4:
			say(t, "Product List Viewed %s items=p6,p7", who)
		case 5:
			say(t, "Page Ping %s", who)
		case 6:
			say(t, "Product Added %s%s", who, line)
		case 7:
			say(t, "Product Removed %s%s", who, line)
		case 8:
			say(t, "Order Completed %s order_id=%s amount=%s currency=%s", who, pick("o1", "o2"), pick("5", "6.5"), pick("EUR", "USD"))
		case 9:
			say(t, "Order Completed %s%s%s", who, pick("", " order_id=o1", " order_id=o3"), line)
		case 10:
			say(t, "%s %s", pick("identify", "Sensor Seen", "Order Updated"), who)
		default:
			say(t, "%s %s", pick("Products Searched", "Checkout Started", "Something Else"), who)
		}
	}
	return sb.String()
}

// TestAgainstOracle compares final rows with those of the oracle: at once, in
// other step cuts, over four shards, with provisional rows, and shuffled within
// out-of-orderness.
func TestAgainstOracle(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		late := seed%2 == 0
		lag := int64(120_000)
		script := randomLog(r, late)
		keys := []string{"gap: 10m", "new_after: 2h", "products: 4", "max_duration: " + []string{"24h", "40m", "25m", "15m"}[r.IntN(4)]}
		if r.IntN(2) == 0 {
			keys = append(keys, "gap_inclusive: false")
		}
		lateness := []string{"1h", "5m", "0s"}[r.IntN(3)]
		l, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		op := operator(t, lateness, keys...)
		o := &oracle{cfg: op.cfg, lateness: op.env.AllowedLateness}
		want := withoutPaths(pipetest.Text(l, o.run(l, lag)))
		check := func(how string, op *Operator, l *pipetest.Log, opt pipetest.Options) {
			t.Helper()
			opt.Lag = lag
			res := pipetest.Run(t, op, l, opt)
			if got := withoutPaths(res.Final()); got != want {
				t.Fatalf("seed %d, %v, lateness %s, %s:\n%s\n%s", seed, keys, lateness, how, script, pipetest.Diff(got, want))
			}
			if res.Entries != 0 {
				t.Fatalf("seed %d, %s: %d entries are left", seed, how, res.Entries)
			}
		}
		check("at once", op, l, pipetest.Options{})
		check("one by one", op, l, pipetest.Options{Step: 1})
		check("in sevens, four shards", op, l, pipetest.Options{Step: 7, Shards: 4})
		check("early", operator(t, lateness, append(keys, "early: 3m")...), l, pipetest.Options{Step: 5})
		if !late {
			check("shuffled", op, l.Shuffle(seed, lag), pipetest.Options{Step: 4})
		}
	}
}
