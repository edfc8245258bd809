package crowd

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/venue"
)

const propertyVenue = `{stores: [
	{id: W, time_zone: Europe/Warsaw, staff_devices: [d0], zones: [
		{id: door, name: The door, kind: entrance, area_m2: 4, capacity: 10, staff: 1, neighbours: [fruit], sensors: [{id: c1, kind: counter}, {id: w-door, kind: wifi}]},
		{id: fruit, name: Fruit, area_m2: 2, capacity: 5, staff: 2, neighbours: [tills], sensors: [{id: b1}, {id: b2}]},
		{id: tills, name: Tills, kind: queue, area_m2: 3, staff: 3, calibration: 1.5, sensors: [{id: w1, kind: wifi}, {id: b3}]},
		{id: back, name: Back, kind: staff_only, staff: 1, sensors: [{id: r1, kind: rfid}]}]},
	{id: U, zones: [
		{id: door, name: Door, sensors: [{id: u1}]},
		{id: fruit, name: More fruit, area_m2: 1, staff: 1, sensors: [{id: u2, kind: wifi}]}]}]}`

// randomScript makes a log with many ties and times exactly at the bounds.
func randomScript(r *rand.Rand, start time.Time, events, devices int) string {
	sensors := []string{"w-door", "b1", "b2", "w1", "b3", "r1", "u1", "u2", "nowhere"}
	zones := []string{"door", "fruit", "tills", "back", "nowhere"}
	one := func(list []string) string { return list[r.IntN(len(list))] }
	at, lines := start, []string{}
	for range events {
		switch r.IntN(12) {
		case 0, 1, 2:
			at = at.Add(time.Duration(r.IntN(8)) * 5 * time.Second)
		case 3:
			at = at.Add(time.Duration(r.IntN(3)) * time.Millisecond)
		case 4:
			if r.IntN(8) == 0 {
				at = at.Add(time.Duration(r.IntN(30)) * 30 * time.Second)
			}
		}
		store := "W"
		if r.IntN(4) == 0 {
			store = "U"
		}
		who := fmt.Sprintf("device_id=d%d", r.IntN(devices))
		switch r.IntN(20) {
		case 0:
			who = "anonymous_id=" + who[10:]
		case 1:
			who += " user_id=u1"
		case 2:
			if r.IntN(4) == 0 {
				who += " staff_id=s1"
			}
		}
		line := at.Format("2006-01-02T15:04:05.000Z07:00") + " "
		switch k := r.IntN(20); {
		case k < 9:
			sensor := one(sensors)
			if strings.HasPrefix(sensor, "u") != (store == "U") && r.IntN(20) > 0 {
				store = map[bool]string{true: "U", false: "W"}[strings.HasPrefix(sensor, "u")]
			}
			line += fmt.Sprintf("Sensor Seen store_id=%s %s sensor_id=%s", store, who, sensor)
			if r.IntN(5) > 0 {
				line += fmt.Sprintf(" rssi=%d", -40-r.IntN(12)*2)
			}
		case k < 10:
			line += fmt.Sprintf("Sensor Seen store_id=%s %s zone_id=%s", store, who, one(zones))
		case k < 13:
			line += fmt.Sprintf("Zone Entered store_id=%s %s zone_id=%s", store, who, one(zones))
		case k < 16:
			line += fmt.Sprintf("Zone Exited store_id=%s %s zone_id=%s", store, who, one(zones))
		case k < 17:
			line += fmt.Sprintf("Tag Read store_id=%s %s sensor_id=%s", store, who, one(sensors))
		case k < 19:
			line += fmt.Sprintf("Counter Read store_id=W sensor_id=c1 count_in=%d count_out=%d", r.IntN(4), r.IntN(4))
		default:
			line += fmt.Sprintf("Counter Read store_id=%s zone_id=%s count_in=%d", store, one(zones[:1]), r.IntN(3))
			if r.IntN(10) > 0 {
				line = at.Format("2006-01-02T15:04:05.000Z07:00") + " Product Viewed store_id=W device_id=d1"
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func pick(r *rand.Rand, key string, values ...string) string {
	return key + ": " + values[r.IntN(len(values))]
}

func randomConfig(t *testing.T, r *rand.Rand, local time.Time) Config {
	at := fmt.Sprintf("%q", local.Format("15:04"))
	return configOf(t,
		pick(r, "windows", "[10s, 1m]", "[1m]", "[1m, 10s]", "[15s, 20s]"),
		pick(r, "presence_timeout", "{}", "{wifi: 1m, rfid: 10s}", "{beacon: 10s, wifi: 40s}"),
		pick(r, "zone_timeout", "2m", "5m", "10m"),
		pick(r, "fixed_after", "0s", "2m", "5m", "10m"),
		pick(r, "reset_at", "none", at), pick(r, "counter_reset", at, `"04:00"`),
		pick(r, "rssi", "{}", "{switch_db: 2}", "{readings: 1}", "{readings: 3}"),
		pick(r, "early", "0s", "1s", "7s"))
}

// TestOracle compares random logs with the oracle, in several step cuts, orders
// of arrival and numbers of shards.
func TestOracle(t *testing.T) {
	// Clocks in Warsaw jump on the first day and go back on the second.
	starts := []string{"2026-03-29T00:40:00Z", "2026-10-25T00:10:00Z", "2026-10-25T01:10:00Z", "2026-05-05T23:50:00Z"}
	resets := []string{"2026-03-29T02:30:00Z", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z", "2026-05-06T02:10:00Z"}
	v := venueOf(t, propertyVenue)
	moves, rows, alerts := 0, 0, 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 8))
		start, err := time.Parse(time.RFC3339, starts[seed%4])
		if err != nil {
			t.Fatal(err)
		}
		reset, err := time.Parse(time.RFC3339, resets[seed%4])
		if err != nil {
			t.Fatal(err)
		}
		cfg := randomConfig(t, r, reset)
		places := v
		if r.IntN(8) == 0 {
			places = nil
		}
		l, err := pipetest.Parse(randomScript(r, start, 60+r.IntN(200), 2+r.IntN(12)))
		if err != nil {
			t.Fatal(err)
		}
		want := compare(t, seed, cfg, places, l, r)
		moves += strings.Count(want, "crowd_flows:")
		alerts += strings.Count(want, "crowd.raised")
		rows += strings.Count(want, "crowd:")
		if t.Failed() {
			return
		}
	}
	if moves < 100 || alerts < 3 || rows < 1000 {
		t.Errorf("the logs have %d flows, %d alerts, %d rows", moves, alerts, rows)
	}
}

func compare(t *testing.T, seed uint64, cfg Config, v *venue.Venue, l *pipetest.Log, r *rand.Rand) string {
	omit := []string{"trigger_id", "payload", "revision"}
	o := runOracle(cfg, v, l.Batch(30_000))
	want := o.text(l, omit...)
	for range 3 {
		opts := pipetest.Options{Lag: 30_000, Step: r.IntN(40), Shards: 1 + r.IntN(4)}
		res := pipetest.Run(t, New(cfg, opts.Shards, v), l, opts)
		if got := res.Final(omit...); got != want {
			t.Errorf("seed %d, %+v, %+v:\n%s", seed, cfg, opts, pipetest.Diff(got, want))
			return want
		}
		if res.Count.Unknown != o.unknown || res.Count.Late != 0 || res.Count.Evicted != 0 {
			t.Errorf("seed %d: unknown %d, want %d; late %d, evicted %d", seed, res.Count.Unknown, o.unknown, res.Count.Late, res.Count.Evicted)
		}
		l = l.Shuffle(r.Uint64(), 30_000)
	}
	return want
}
