package generator

import (
	"bytes"
	"encoding/json"
	"testing"

	"touchstream/pipeline/venue"
)

// sample takes the first records of a workload.
func sample(t *testing.T, name string, seed uint64, n int, visit func(*Record, *seen)) {
	t.Helper()
	s, err := Workload(name, seed)
	if err != nil {
		t.Fatal(err)
	}
	var rec Record
	for range n {
		if !s.Next(&rec) {
			t.Fatalf("%s ended", name)
		}
		var m seen
		if err := json.Unmarshal(rec.Value, &m); err != nil {
			t.Fatalf("%v in %s", err, rec.Value)
		}
		visit(&rec, &m)
	}
}

func TestWorkloadsAreFixedBySeed(t *testing.T) {
	for _, name := range Workloads() {
		texts := [3]bytes.Buffer{}
		for i, seed := range []uint64{5, 5, 6} {
			sample(t, name, seed, 1000, func(r *Record, _ *seen) { texts[i].Write(r.Value) })
		}
		if !bytes.Equal(texts[0].Bytes(), texts[1].Bytes()) {
			t.Errorf("%s: one seed, two streams", name)
		}
		if bytes.Equal(texts[0].Bytes(), texts[2].Bytes()) {
			t.Errorf("%s: two seeds, one stream", name)
		}
	}
	if _, err := Workload("none", 1); err == nil {
		t.Error("an unknown workload is no fault")
	}
}

func TestWebWorkload(t *testing.T) {
	const n = 400_000
	size, late := 0, 0
	events, ids := map[string]int{}, map[string]bool{}
	sample(t, "web", 1, n, func(r *Record, m *seen) {
		size += len(r.Value)
		switch delay := r.ArrivalMS - r.TimeMS; {
		case delay > webLateMax || delay < 0:
			t.Fatalf("delay %d", delay)
		case delay > 0:
			late++
		}
		events[m.AnonymousID]++
		ids[m.MessageID] = true
	})
	if mean := size / n; mean < 350 || mean > 450 {
		t.Errorf("%d bytes a record", mean)
	}
	if late < n/12 || late > n/8 {
		t.Errorf("%d of %d late", late, n)
	}
	if len(ids) != n {
		t.Errorf("%d message ids of %d records", len(ids), n)
	}
	whole := 0
	for id, k := range events {
		if k > len(clickPath) {
			t.Fatalf("%d events of %s", k, id)
		}
		if k == len(clickPath) {
			whole++
		}
	}
	if whole < n/len(clickPath)/3 {
		t.Errorf("%d whole sessions", whole)
	}
}

func TestZipfWorkload(t *testing.T) {
	const n = 100_000
	events, most := map[string]int{}, 0
	sample(t, "zipf", 1, n, func(_ *Record, m *seen) {
		events[m.AnonymousID]++
		most = max(most, events[m.AnonymousID])
	})
	if most < n*195/1000 || most > n*205/1000 || len(events) < n/20 {
		t.Errorf("the most active of %d visitors has %d events of %d", len(events), most, n)
	}
}

// TestKeysWorkload counts visitors seen within 30 minutes: after each of the
// sessions has begun, and once the first ones have ended.
func TestKeysWorkload(t *testing.T) {
	const live, gap = 10_000, 30 * minute
	last, n := map[string]int64{}, 0
	sample(t, "keys-10k", 1, 16*live, func(r *Record, m *seen) {
		last[m.AnonymousID] = max(last[m.AnonymousID], r.TimeMS)
		if n++; n != live && n != 16*live {
			return
		}
		seen := 0
		for _, at := range last {
			if r.ArrivalMS-at <= gap {
				seen++
			}
		}
		if seen < live*97/100 || seen > live*103/100 {
			t.Errorf("%d live sessions after %d records, want about %d", seen, n, live)
		}
	})
}

func TestCrowdWorkload(t *testing.T) {
	v, err := venue.Parse("venue.yaml", AppendArenaVenue(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]int64{}
	sample(t, "crowd", 1, 2*arenaDevices, func(r *Record, m *seen) {
		id := m.Properties.DeviceID
		if before, has := last[id]; has && r.TimeMS-before != arenaEvery {
			t.Fatalf("%s is seen again after %d ms", id, r.TimeMS-before)
		}
		last[id] = r.TimeMS
		if v.Sensor([]byte(m.Properties.SensorID)) < 0 {
			t.Fatalf("unknown sensor in %s", r.Value)
		}
	})
	if len(last) != arenaDevices {
		t.Errorf("%d devices", len(last))
	}
}

func BenchmarkWorkload(b *testing.B) {
	for _, name := range Workloads() {
		b.Run(name, func(b *testing.B) {
			s, err := Workload(name, 1)
			if err != nil {
				b.Fatal(err)
			}
			var rec Record
			size := 0
			for b.Loop() {
				s.Next(&rec)
				size += len(rec.Value)
			}
			b.SetBytes(int64(size / b.N))
		})
	}
}
