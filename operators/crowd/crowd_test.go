package crowd

import (
	"fmt"
	"strings"
	"testing"
	_ "time/tzdata"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/venue"
)

func configOf(t testing.TB, keys ...string) Config {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte("{"+strings.Join(keys, ", ")+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if err := f.Read(&cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func venueOf(t testing.TB, text string) *venue.Venue {
	t.Helper()
	v, err := venue.Parse("venue.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestData runs the scripts, each at once, event by event, in threes, and over
// four shards. The watermark follows 10 s behind.
func TestData(t *testing.T) {
	pipetest.Data(t, "testdata/*.txt", func(t *testing.T, c *pipetest.Case) string {
		var v *venue.Venue
		var keys []string
		for k, val := range c.Options {
			switch k {
			case "venue":
				v = venueOf(t, val)
			case "show":
			default:
				keys = append(keys, k+": "+val)
			}
		}
		cfg := configOf(t, keys...)
		l, err := pipetest.Parse(c.Script)
		if err != nil {
			t.Fatal(err)
		}
		run := func(step, shards int) *pipetest.Result {
			return pipetest.Run(t, New(cfg, shards, v), l, pipetest.Options{Lag: 10_000, Step: step, Shards: shards})
		}
		omit := []string{"store_id", "trigger_id", "purpose"}
		if c.Options["show"] == "stores" {
			omit = omit[1:]
		}
		all := run(0, 1)
		for _, step := range []int{1, 3} {
			if one := run(step, 1).Final(omit...); one != all.Final(omit...) {
				t.Errorf("steps of %d:\n%s all at once:\n%s", step, one, all.Final(omit...))
			}
		}
		if four := run(2, 4).Final(omit...); four != all.Final(omit...) {
			t.Errorf("four shards:\n%s one:\n%s", four, all.Final(omit...))
		}
		if c.Options["show"] == "steps" {
			return run(1, 1).Emitted(omit...)
		}
		out := all.Emitted(omit...)
		if n := all.Count.Unknown; n > 0 {
			out += fmt.Sprintf("unknown: %d\n", n)
		}
		if n := all.Count.Late; n > 0 {
			out += fmt.Sprintf("late: %d\n", n)
		}
		return out
	})
}

func TestPlace(t *testing.T) {
	v := venueOf(t, `{stores: [
		{id: S1, zones: [{id: door, sensors: [{id: b1}]}, {id: tills}]},
		{id: S2, zones: [{id: door, sensors: [{id: b2}]}, {id: fruit}]}]}`)
	f := func(store, zone, sensor, want string) {
		t.Helper()
		b := event.NewBatch(event.Want{Columns: event.SetOf(event.StoreID, event.ZoneID, event.SensorID)})
		row := b.Add()
		for c, text := range map[event.Column]string{event.StoreID: store, event.ZoneID: zone, event.SensorID: sensor} {
			b.Str[c][row] = b.Put([]byte(text))
		}
		Place(v)(b)
		if got := string(b.Text(event.StoreID, row)); got != want {
			t.Errorf("store %q, zone %q, sensor %q: placed in %q, want %q", store, zone, sensor, got, want)
		}
	}
	f("", "", "b2", "S2")
	f("", "fruit", "", "S2")
	f("", "door", "", "")
	f("", "door", "b1", "S1")
	f("", "tills", "unknown", "S1")
	f("S9", "fruit", "b2", "S9")
	f("", "", "", "")
	if Place(nil) != nil {
		t.Error("without a venue there is something to place")
	}
}

func TestConfigFaults(t *testing.T) {
	f, err := config.Parse("t.yaml", []byte("{windows: [10s, 10s, 10ms], rssi: {readings: 0}}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	err = f.Read(&cfg)
	if err == nil || !strings.Contains(err.Error(), "10s is given twice") || !strings.Contains(err.Error(), "10ms is not between") || !strings.Contains(err.Error(), "readings") {
		t.Errorf("faults: %v", err)
	}
}
