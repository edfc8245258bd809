package sessions

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
)

// operator makes an operator from configuration keys such as "gap: 30m".
func operator(t testing.TB, lateness string, keys ...string) *Operator {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte("{"+strings.Join(keys, ", ")+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if err := f.Read(&cfg); err != nil {
		t.Fatal(err)
	}
	ms, err := config.ParseDuration(lateness)
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg, Env{Shards: 1, AllowedLateness: ms, EventsPerMinuteMax: 600})
}

// TestData runs the scripts, each at once, event by event, in threes, and over
// four shards. The watermark follows 10 s behind.
func TestData(t *testing.T) {
	pipetest.Data(t, "testdata/*.txt", func(t *testing.T, c *pipetest.Case) string {
		lateness, keys := "1h", []string{}
		for k, v := range c.Options {
			switch k {
			case "allowed_lateness":
				lateness = v
			case "show":
			default:
				keys = append(keys, k+": "+v)
			}
		}
		l, err := pipetest.Parse(c.Script)
		if err != nil {
			t.Fatal(err)
		}
		run := func(step, shards int) *pipetest.Result {
			return pipetest.Run(t, operator(t, lateness, keys...), l, pipetest.Options{Lag: 10_000, Step: step, Shards: shards})
		}
		omit := []string{"session_id"}
		all := run(0, 1)
		got := all.Emitted(omit...)
		for _, step := range []int{1, 3} {
			if one := run(step, 1).Emitted(omit...); one != got {
				t.Errorf("steps of %d:\n%s all at once:\n%s", step, one, got)
			}
		}
		if four := run(2, 4).Final(omit...); four != all.Final(omit...) {
			t.Errorf("four shards:\n%s one:\n%s", four, all.Final(omit...))
		}
		if all.Entries != 0 {
			t.Errorf("%d entries are left at the end of time", all.Entries)
		}
		if c.Options["show"] == "final" {
			return all.Final(omit...)
		}
		return got
	})
}

// idOf is the id of a session that begins so.
func idOf(h *event.Hasher, start int64, device, message event.Hash) [16]byte {
	s := session{start: start}
	s.name(h, device, message)
	return s.id()
}

// TestID checks the shape of a session's id and what it depends on.
func TestID(t *testing.T) {
	h := pipetest.Hasher()
	device, message := h.Sum(1, []byte("a")), h.Sum(2, []byte("m"))
	id := idOf(h, 0x0123456789ab, device, message)
	if got := fmt.Sprintf("%x", id[:6]); got != "0123456789ab" {
		t.Errorf("time is %s", got)
	}
	if id[6]>>4 != 7 || id[8]>>6 != 2 {
		t.Errorf("version %d, variant %d", id[6]>>4, id[8]>>6)
	}
	if id == idOf(h, 0x0123456789ab, message, device) {
		t.Error("the id does not depend on device and message")
	}
}

func TestCut(t *testing.T) {
	for text, want := range map[string]string{"": "", "/0123456789": "/0123456789", "/0123456789abc": "/0123456789a",
		"/012345678éé": "/012345678é", "/0123456789éé": "/0123456789"} {
		if got := string(cut([]byte(text), 12)); got != want {
			t.Errorf("cut(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestBotRate sends events as fast as the cap and one faster.
func TestBotRate(t *testing.T) {
	for n, want := range map[int]bool{600: false, 601: true} {
		var sb strings.Builder
		for i := range n {
			fmt.Fprintf(&sb, "10:00:%02d.%03d page anonymous_id=a\n", i/20, i%20*50)
		}
		l, err := pipetest.Parse(sb.String())
		if err != nil {
			t.Fatal(err)
		}
		out := pipetest.Run(t, operator(t, "1h"), l, pipetest.Options{}).Final()
		if strings.Contains(out, "is_bot=true") != want || !strings.Contains(out, "events="+strconv.Itoa(n)) {
			t.Errorf("%d events in a minute: %s", n, out)
		}
	}
}

// TestLimits lets sessions and devices exceed their limits.
func TestLimits(t *testing.T) {
	var sb strings.Builder
	for i := range 10 {
		fmt.Fprintf(&sb, "10:%02d page anonymous_id=a%d\n", i, i)
	}
	sb.WriteString("10:20 page anonymous_id=a0\n")
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"max_sessions: 4", "max_devices: 4"} {
		r := pipetest.Run(t, operator(t, "1h", key), l, pipetest.Options{Step: 1})
		if got := strings.Count(r.Final(), "\n"); got != 11 || r.Count.Evicted < 7 {
			t.Errorf("%s: %d rows, %d evicted", key, got, r.Count.Evicted)
		}
		if r.Entries != 0 {
			t.Errorf("%s: %d entries are left", key, r.Entries)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	f, err := config.Parse("t.yaml", []byte("{gap: 40h, early: -1s}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	err = f.Read(&cfg)
	if err == nil || !strings.Contains(err.Error(), "40h must not exceed max_duration 24h") {
		t.Errorf("faults: %v", err)
	}
}
