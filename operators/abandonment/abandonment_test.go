package abandonment

import (
	"encoding/json"
	"strings"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/pipetest"
)

// operator makes an operator from configuration keys such as "recovery: 7d".
func operator(t testing.TB, shards int, keys ...string) *Operator {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte("{"+strings.Join(keys, ", ")+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if err := f.Read(&cfg); err != nil {
		t.Fatal(err)
	}
	return New(cfg, shards)
}

// hidden are columns that scripts do not show.
var hidden = []string{"trigger_id", "purpose", "subject", "user_id", "decided_at", "occurred_at", "reason"}

// TestData runs the scripts, each at once, event by event, in threes, and over
// four shards. The watermark follows 10 s behind. Ids are shortened.
func TestData(t *testing.T) {
	pipetest.Data(t, "testdata/*.txt", func(t *testing.T, c *pipetest.Case) string {
		var keys []string
		for k, v := range c.Options {
			keys = append(keys, k+": "+v)
		}
		l, err := pipetest.Parse(c.Script)
		if err != nil {
			t.Fatal(err)
		}
		run := func(step, shards int) *pipetest.Result {
			return pipetest.Run(t, operator(t, shards, keys...), l, pipetest.Options{Lag: 10_000, Step: step, Shards: shards})
		}
		all := run(0, 1)
		got := all.Emitted(hidden...)
		for _, step := range []int{1, 3} {
			if one := run(step, 1).Emitted(hidden...); one != got {
				t.Errorf("steps of %d:\n%s all at once:\n%s", step, one, got)
			}
		}
		if four := run(2, 4).Final(); four != all.Final() {
			t.Errorf("four shards:\n%s one:\n%s", four, all.Final())
		}
		if all.Entries != 0 {
			t.Errorf("%d entries are left at the end of time", all.Entries)
		}
		return shorten(got)
	})
}

// shorten replaces each id of an episode by the order of its appearance.
func shorten(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' })
	n := byte('A')
	for _, w := range words {
		if id, ok := strings.CutPrefix(w, "abandonment_id="); ok && len(id) == 32 && strings.Contains(text, id) {
			text = strings.ReplaceAll(text, id, string(n))
			n++
		}
	}
	return text
}

func TestStages(t *testing.T) {
	if c := operator(t, 1).cfg.After; c != [numStages]int64{24 * hour, hour, hour / 2, hour / 4} {
		t.Errorf("without stages: %v", c)
	}
	if c := operator(t, 1, "cart: {after: 30m}").cfg.After; c != [numStages]int64{cartStage: hour / 2} {
		t.Errorf("cart alone: %v", c)
	}
	if c := operator(t, 1, "form: {}", "checkout:").cfg.After; c != [numStages]int64{checkoutStage: hour / 2, formStage: hour / 4} {
		t.Errorf("form and checkout: %v", c)
	}
}

// TestPayload reads a payload with names that need escapes.
func TestPayload(t *testing.T) {
	l, err := pipetest.Parse(`10:00 Product Added profile=ann product_id=a\ü` + "\x01" + ` price=1.50 currency=EUR cart_id=c1`)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(appendJSON(nil, []byte("a\"\\\n\xff"))); got != `"a\"\\\u000a`+"\ufffd"+`"` {
		t.Errorf("escapes: %s", got)
	}
	out := pipetest.Run(t, operator(t, 1), l, pipetest.Options{}).Emitted()
	_, payload, _ := strings.Cut(out, "payload=")
	payload = payload[:strings.IndexByte(payload, '}')+1]
	var got struct {
		Stage, Currency string
		Items, Value    float64
		Products        []string
		CartID          string `json:"cart_id"`
	}
	if err := json.Unmarshal([]byte(payload), &got); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if got.Stage != "cart" || got.Currency != "EUR" || got.Items != 1 || got.Value != 1.5 || got.CartID != "c1" || len(got.Products) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestLimit lets profiles exceed their limit.
func TestLimit(t *testing.T) {
	script := ""
	for i := range 10 {
		script += pipetest.FormatTime(pipetest.Zero+int64(i)*60_000) + " Product Added profile=p" + string(rune('0'+i)) + " product_id=x\n"
	}
	l, err := pipetest.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	r := pipetest.Run(t, operator(t, 1, "max_profiles: 4"), l, pipetest.Options{Step: 1})
	if n := strings.Count(r.Final(), "triggers:"); n != 4 || r.Count.Evicted != 6 {
		t.Errorf("%d fired, %d evicted", n, r.Count.Evicted)
	}
}
