package generator

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/venue"
)

// small is a world of a few weeks that tests can afford.
func small() Options {
	o := Defaults()
	o.Customers, o.Days = 1000, 24
	o.DuplicateShare, o.BadShare, o.LateShare = 0.01, 0.005, 0.2
	return o
}

// run makes a world and its truth in a folder, and calls visit for each record.
func run(t *testing.T, o Options, dir string, visit func(*Record)) {
	t.Helper()
	truth, err := CreateTruth(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(o, truth)
	if err != nil {
		t.Fatal(err)
	}
	var rec Record
	for w.Next(&rec) {
		visit(&rec)
	}
	if w.Next(&rec) {
		t.Error("a record after the end")
	}
	if err := truth.Close(); err != nil {
		t.Fatal(err)
	}
}

func feed(h hash.Hash, rec *Record) {
	h.Write([]byte(rec.Topic))
	h.Write(rec.Key)
	h.Write(rec.Value)
	var n [8]byte
	for i := range n {
		n[i] = byte(rec.ArrivalMS >> (8 * i))
	}
	h.Write(n[:])
}

func readTruth(t *testing.T, dir, table string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, table+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSeedFixesEverything(t *testing.T) {
	o := small()
	o.Customers, o.Days = 300, 8
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	sums := make([]string, len(dirs))
	for i, dir := range dirs {
		if i == 2 {
			o.Seed++
		}
		h := sha256.New()
		run(t, o, dir, func(r *Record) { feed(h, r) })
		sums[i] = string(h.Sum(nil))
	}
	if sums[0] != sums[1] {
		t.Error("equal options gave different streams")
	}
	if sums[0] == sums[2] {
		t.Error("another seed gave the same stream")
	}
	for _, table := range truthTables {
		if readTruth(t, dirs[0], table.name) != readTruth(t, dirs[1], table.name) {
			t.Errorf("equal options gave different %s", table.name)
		}
	}
}

func TestNoiseLeavesTheTruthAlone(t *testing.T) {
	noisy, quiet := small(), small()
	noisy.Customers, quiet.Customers = 300, 300
	quiet.DisorderMaxMS, quiet.DuplicateShare, quiet.BadShare = 0, 0, 0
	a, b := t.TempDir(), t.TempDir()
	run(t, noisy, a, func(*Record) {})
	run(t, quiet, b, func(*Record) {})
	for _, table := range truthTables[:tableSummary] {
		if readTruth(t, a, table.name) != readTruth(t, b, table.name) {
			t.Errorf("noise changed %s", table.name)
		}
	}
}

func TestEventTimeOrder(t *testing.T) {
	o := small()
	o.DisorderMaxMS, o.LateShare, o.DuplicateShare, o.BadShare = 0, 0, 0, 0
	last, records := int64(math.MinInt64), 0
	run(t, o, t.TempDir(), func(r *Record) {
		if r.TimeMS < last || r.ArrivalMS != r.TimeMS {
			t.Fatalf("event at %d, arrived at %d, follows one at %d", r.TimeMS, r.ArrivalMS, last)
		}
		last = r.TimeMS
		records++
	})
	if records < 50_000 {
		t.Errorf("%d records", records)
	}
	if end := o.StartMS + int64(o.Days)*day; last >= end {
		t.Errorf("last event %d is after the end %d", last, end)
	}
}

func TestRecords(t *testing.T) {
	o := small()
	dir := t.TempDir()
	kinds, late, disordered := [3]int{}, 0, 0
	last := int64(math.MinInt64)
	seen := map[string]bool{}
	var ids []string
	run(t, o, dir, func(r *Record) {
		kinds[r.Kind]++
		if r.ArrivalMS < last || r.ArrivalMS < r.TimeMS {
			t.Fatalf("arrival %d of event at %d follows %d", r.ArrivalMS, r.TimeMS, last)
		}
		last = r.ArrivalMS
		if len(r.Key) == 0 {
			t.Fatalf("no key: %s", r.Value)
		}
		switch delay := r.ArrivalMS - r.TimeMS; {
		case r.Kind != Event:
		case delay > o.DisorderMaxMS:
			late++
		case delay > 0:
			disordered++
		}
		var m struct {
			MessageID string    `json:"messageId"`
			Timestamp time.Time `json:"timestamp"`
		}
		err := json.Unmarshal(r.Value, &m)
		if r.Kind == Bad {
			return
		}
		if err != nil || m.Timestamp.UnixMilli() != r.TimeMS {
			t.Fatalf("%v in %s at %d", err, r.Value, r.TimeMS)
		}
		if seen[m.MessageID] != (r.Kind == Duplicate) {
			t.Fatalf("kind %d of %s, seen %t", r.Kind, m.MessageID, seen[m.MessageID])
		}
		seen[m.MessageID] = true
		ids = append(ids, m.MessageID)
	})
	n := float64(kinds[Event])
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > want/4 {
			t.Errorf("%s is %.4f, wanted %.4f", what, got, want)
		}
	}
	near("share of duplicates", float64(kinds[Duplicate])/n, o.DuplicateShare)
	near("share of bad records", float64(kinds[Bad])/n, o.BadShare)
	near("share out of order", float64(disordered)/n, o.DisorderShare)
	if late == 0 {
		t.Error("no phone was late")
	}
	summary := readTruth(t, dir, "summary")
	for name, count := range map[string]int{"records": kinds[0] + kinds[1] + kinds[2], "events": kinds[0], "duplicates": kinds[1]} {
		if want := name + "," + itoa(count) + "\n"; !strings.Contains(summary, "\n"+want) {
			t.Errorf("summary lacks %q: %s", want, summary)
		}
	}
}

// TestBadRecords: each way of being bad occurs and is what its name says.
func TestBadRecords(t *testing.T) {
	o := small()
	o.BadShare = 0.05
	var malformed, noTime, badTime, badPrice int
	dir := t.TempDir()
	run(t, o, dir, func(r *Record) {
		if r.Kind != Bad {
			return
		}
		var m map[string]any
		if json.Unmarshal(r.Value, &m) != nil {
			malformed++
			return
		}
		stamp, has := m["timestamp"].(string)
		if !has {
			noTime++
			return
		}
		if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
			badTime++
			return
		}
		if !bytes.Contains(r.Value, []byte(`"price":"xx`)) {
			t.Fatalf("nothing is bad in %s", r.Value)
		}
		badPrice++
	})
	summary := readTruth(t, dir, "summary")
	for name, n := range map[string]int{"malformed": malformed, "missing_field": noTime, "bad_time": badTime, "bad_value": badPrice} {
		if n == 0 || !strings.Contains(summary, "\ndead_letters_"+name+","+itoa(n)+"\n") {
			t.Errorf("%d bad records are %s, the summary says\n%s", n, name, summary)
		}
	}
}

// TestRhythm: stores are full on Saturdays, and nobody visits a closed one.
func TestRhythm(t *testing.T) {
	o := small()
	o.Customers, o.Days = 3000, 21
	visits := [7]int{}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	run(t, o, t.TempDir(), func(r *Record) {
		if r.Kind != Event || !bytes.Contains(r.Value, []byte(`"event":"Store Entered"`)) {
			return
		}
		at := time.UnixMilli(r.TimeMS).In(zone)
		visits[at.Weekday()]++
		opens, closes := 9, 21
		if at.Weekday() == time.Sunday {
			opens, closes = 10, 18
		}
		if at.Hour() < opens || at.Hour() >= closes {
			t.Fatalf("a visit at %v", at)
		}
	})
	weekday := (visits[1] + visits[2] + visits[3] + visits[4]) / 4
	if visits[6] < weekday*2 || visits[6] > weekday*8 {
		t.Errorf("%d visits on Saturdays, %d on a weekday", visits[6], weekday)
	}
}

func TestZoneOffset(t *testing.T) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	for at := DefaultStart; at < DefaultStart+1200*day; at += 30 * minute {
		_, want := time.UnixMilli(at).In(zone).Zone()
		if got := zoneOffset(at); got != int64(want)*second {
			t.Fatalf("offset at %d is %d ms, wanted %d s", at, got, want)
		}
	}
}

func TestStamp(t *testing.T) {
	var s stamp
	d := newDice(3, 3)
	for range 10_000 {
		at := d.between(0, 200*366*day)
		if got, want := string(s.append(nil, at)), time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("%d is %s, wanted %s", at, got, want)
		}
	}
}

func TestVenueFile(t *testing.T) {
	text := AppendVenue(nil)
	v, err := venue.Parse("venue.yaml", text, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(v.Stores) != numStores {
		t.Errorf("%d stores", len(v.Stores))
	}
	unknown := map[string]bool{}
	o := small()
	o.Days = 7
	run(t, o, t.TempDir(), func(r *Record) {
		if r.Kind != Event || r.Topic != "beacon" && r.Topic != "store" {
			return
		}
		var m struct{ Properties map[string]any }
		if err := json.Unmarshal(r.Value, &m); err != nil {
			t.Fatal(err)
		}
		p := m.Properties
		if id, has := p["store_id"].(string); !has || v.Store([]byte(id)) < 0 {
			t.Fatalf("unknown store in %s", r.Value)
		}
		if id, has := p["zone_id"].(string); has && v.OnlyZone([]byte(id)) < 0 {
			unknown[id] = true
		}
		if id, has := p["sensor_id"].(string); has && v.Sensor([]byte(id)) < 0 {
			unknown[id] = true
		}
	})
	for id := range unknown {
		t.Errorf("the venue file lacks %s", id)
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	o := Options{Days: 0, Customers: -1, Rate: math.NaN(), DisorderMaxMS: -1, DisorderShare: 2, LateShare: -1, BadShare: math.NaN(), DuplicateShare: 1.5, StartMS: 5}
	err := o.Validate()
	if err == nil {
		t.Fatal("no fault")
	}
	for _, name := range []string{"customers", "days", "rate", "disorder of", "disorder share", "late", "duplicates", "bad", "start"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("no fault of %s in %v", name, err)
		}
	}
}

// TestNoGarbage: once the world is under way a record costs no allocation.
func TestNoGarbage(t *testing.T) {
	o := Defaults()
	o.Customers, o.Days = 3000, 400
	w, err := New(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var rec Record
	for range 400_000 {
		w.Next(&rec)
	}
	perRecord := testing.AllocsPerRun(20, func() {
		for range 5000 {
			if !w.Next(&rec) {
				t.Fatal("the world ended")
			}
		}
	}) / 5000
	if perRecord > 0.01 {
		t.Errorf("%.3f allocations a record", perRecord)
	}
}

func BenchmarkWorld(b *testing.B) {
	o := Defaults()
	o.Days = 3000
	w, err := New(o, nil)
	if err != nil {
		b.Fatal(err)
	}
	var rec Record
	bytes := 0
	for b.Loop() {
		w.Next(&rec)
		bytes += len(rec.Value)
	}
	b.SetBytes(int64(bytes / b.N))
}
