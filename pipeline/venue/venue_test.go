package venue

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/cockroachdb/datadriven"

	"touchstream/pipeline/config"
)

// TestRead reads venue files: "read" prints the faults, else the venue; "open"
// reads one, too, and prints when the first store is open: from the first day
// to the last, every change to the minute.
func TestRead(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			v, err := Parse("venue.yaml", []byte(d.Input), nil)
			if err != nil {
				var faults config.Faults
				if !errors.As(err, &faults) {
					t.Fatalf("%T is no Faults: %v", err, err)
				}
				return err.Error() + "\n"
			}
			if d.Cmd == "read" {
				return show(v)
			}
			var from, to string
			d.ScanArgs(t, "from", &from)
			d.ScanArgs(t, "to", &to)
			return changes(t, &v.Stores[0], from, to)
		})
	})
}

func show(v *Venue) string {
	var b strings.Builder
	for i := range v.Stores {
		s := &v.Stores[i]
		fmt.Fprintf(&b, "store %d %q %q %s %s zones %v", i, s.ID, s.Name, s.City, s.Location, s.Zones)
		if s.HasPosition {
			fmt.Fprintf(&b, " at %v,%v", s.Latitude, s.Longitude)
		}
		fmt.Fprintf(&b, " staff %v\n", s.StaffDevices)
	}
	for i := range v.Zones {
		z := &v.Zones[i]
		fmt.Fprintf(&b, "zone %d %q store %d %s area %v capacity %d staff %d calibration %v categories %v neighbours %v serves_to %v sensors %v counter %v\n",
			i, z.ID, z.Store, z.Kind, z.AreaM2, z.Capacity, z.Staff, z.Calibration, z.Categories, z.Neighbours, z.ServesTo, z.Sensors, z.HasCounter)
	}
	for i := range v.Sensors {
		fmt.Fprintf(&b, "sensor %d %q %s zone %d\n", i, v.Sensors[i].ID, v.Sensors[i].Kind, v.Sensors[i].Zone)
	}
	return b.String()
}

func changes(t *testing.T, s *Store, from, to string) string {
	start, err1 := time.Parse("2006-01-02", from)
	end, err2 := time.Parse("2006-01-02", to)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	var b strings.Builder
	const minute = 60_000
	was := s.IsOpen(start.UnixMilli())
	fmt.Fprintf(&b, "at first open=%v\n", was)
	for ms := start.UnixMilli(); ms < end.UnixMilli(); ms += minute {
		if is := s.IsOpen(ms); is != was {
			was = is
			fmt.Fprintf(&b, "%s open=%v\n", time.UnixMilli(ms).In(s.Location).Format("Mon 2006-01-02 15:04 -0700"), is)
			if s.IsOpen(ms-1) == is {
				t.Errorf("the change at %d is not sharp", ms)
			}
		}
	}
	return b.String()
}

func TestLookup(t *testing.T) {
	v, err := Parse("venue.yaml", []byte(`
stores:
  - id: A
    staff_devices: [tag-1]
    zones: [{id: Z1, sensors: [{id: S1, kind: wifi}]}, {id: Z2}]
  - id: B
    zones: [{id: Z2}, {id: Z3}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %d, want %d", what, got, want)
		}
	}
	check("store B", v.Store([]byte("B")), 1)
	check("store C", v.Store([]byte("C")), None)
	check("zone Z2 of A", v.Zone(0, []byte("Z2")), 1)
	check("zone Z2 of B", v.Zone(1, []byte("Z2")), 2)
	check("zone Z1 of B", v.Zone(1, []byte("Z1")), None)
	check("zone Z1", v.OnlyZone([]byte("Z1")), 0)
	check("zone Z2", v.OnlyZone([]byte("Z2")), None)
	check("zone Z9", v.OnlyZone([]byte("Z9")), None)
	check("sensor S1", v.Sensor([]byte("S1")), 0)
	check("sensor S2", v.Sensor([]byte("S2")), None)
	if !v.IsStaff([]byte("tag-1")) || v.IsStaff([]byte("tag-2")) {
		t.Error("tag-1 alone is the staff's")
	}
	id := []byte("Z2")
	if n := testing.AllocsPerRun(100, func() { v.Zone(1, id); v.OnlyZone(id); v.Sensor(id); v.IsStaff(id) }); n != 0 {
		t.Errorf("look-ups allocate %v times", n)
	}
}

// TestInstant compares with a search of all minutes around the local time.
func TestInstant(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range []string{"2011-12-29", "2026-03-08", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-11-01"} {
			start, err := time.Parse("2006-01-02", day)
			if err != nil {
				t.Fatal(err)
			}
			const step = 30 * 60_000
			for local := start.UnixMilli(); local < start.UnixMilli()+3*dayMs; local += step {
				if got, want := Instant(loc, local), search(loc, local); got != want {
					t.Errorf("%s %s: got %s, want %s", zone, time.UnixMilli(local).UTC().Format("2006-01-02 15:04"),
						time.UnixMilli(got).UTC(), time.UnixMilli(want).UTC())
				}
			}
		}
	}
}

// search finds the first instant at which the clock shows the local time or
// has jumped over it.
func search(loc *time.Location, local int64) int64 {
	const step = 15 * 60_000
	for ms := local - 2*dayMs; ; ms += step {
		if ms+offset(loc, ms) >= local {
			return ms
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("stores: [{id: A, opening_hours: {mon-fri: \"09:00-21:00\", sun: closed}, zones: [{id: Z, neighbours: [Z]}]}]")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse("v.yaml", []byte(text), nil)
		var faults config.Faults
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("%T is no Faults: %v", err, err)
		}
		if err == nil {
			v.Stores[0].IsOpen(1_774_000_000_000)
		}
	})
}
