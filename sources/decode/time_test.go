package decode

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func format(t *testing.T, name, zone string) *TimeFormat {
	t.Helper()
	f, err := NewTimeFormat(name, zone)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTimes(t *testing.T) {
	f := func(name, zone, in, want string) {
		t.Helper()
		got := "none"
		if ms, ok := format(t, name, zone).Parse([]byte(in)); ok {
			got = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		if got != want {
			t.Errorf("%s %s: %q is %s, want %s", name, zone, in, got, want)
		}
	}
	f("unix_s", "", "1511544070", "2017-11-24T17:21:10.000Z")
	f("unix_s", "", "1511544070.9999", "2017-11-24T17:21:10.999Z")
	f("unix_s", "", "1.51154407e9", "2017-11-24T17:21:10.000Z")
	f("unix_ms", "", "1659304800025", "2022-07-31T22:00:00.025Z")
	f("unix_us", "", "1659304800025999", "2022-07-31T22:00:00.025Z")
	f("unix_s", "", "4102444800", "2100-01-01T00:00:00.000Z")
	f("unix_s", "", "-1", "none")
	f("unix_s", "", "", "none")
	f("unix_s", "", "0", "1970-01-01T00:00:00.000Z")
	f("unix_ms", "", "99999999999999999", "none")
	f("rfc3339", "", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z")
	f("rfc3339", "", "2026-03-01T12:00:00.5+02:00", "2026-03-01T10:00:00.500Z")
	f("rfc3339", "", "2026-03-01 12:00:00,123456789-0130", "2026-03-01T13:30:00.123Z")
	f("rfc3339", "", "2026-03-01T12:00:00", "none")
	f("rfc3339", "Europe/Warsaw", "2026-03-01T12:00:00", "2026-03-01T11:00:00.000Z")
	f("rfc3339", "", "2026-02-29T12:00:00Z", "none")
	f("rfc3339", "", "2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z")
	f("rfc3339", "", "2026-03-01T24:00:00Z", "none")
	f("rfc3339", "", "2026-03-01T12:00:00Zx", "none")
	f("rfc3339", "", "1969-12-31T23:59:59Z", "none")
	f("rfc3339", "", "1970-01-01T00:30:00+01:00", "none")
	f("2006-01-02 15:04:05", "", "2010-12-01 08:26:00", "2010-12-01T08:26:00.000Z")
	f("2006-01-02 15:04:05", "", "2010-12-01 08:26:00.25", "2010-12-01T08:26:00.250Z")
	f("2006-01-02 15:04:05", "Europe/Warsaw", "2026-07-01 08:26:00", "2026-07-01T06:26:00.000Z")
	f("2006-01-02 15:04:05", "Europe/Warsaw", "2026-01-01 08:26:00", "2026-01-01T07:26:00.000Z")
	f("02.01.2006 15:04", "", "24.12.2025 18:30", "2025-12-24T18:30:00.000Z")
	f("02.01.2006 15.04.05", "", "24.12.2025 18.30.07", "2025-12-24T18:30:07.000Z")
	f("1/2/2006 15:04", "", "12/1/2010 8:26", "2010-12-01T08:26:00.000Z")
	f("20060102", "", "19970101", "1997-01-01T00:00:00.000Z")
	f("2 Jan 2006 3:04 PM", "", "5 Mar 2024 7:08 PM", "2024-03-05T19:08:00.000Z")
	f("2006-01-02T15:04:05.000Z07:00", "", "2024-03-05T19:08:00.125+01:00", "2024-03-05T18:08:00.125Z")
	f("2006-01-02 15:04:05", "", "2010-13-01 08:26:00", "none")
	f("2006-01-02 15:04:05", "", "2010-02-30 08:26:00", "none")
	f("2006-01-02 15:04:05", "", "yesterday", "none")
}

func TestFormatsThatAreNone(t *testing.T) {
	for _, c := range [][2]string{{"YYYY-MM-DD", ""}, {"15:04:05", ""}, {"unix", ""}, {"unix_s", "Europe/Warsaw"}, {"2006-01-02", "Europe/Warszawa"}, {"2006-01-02", "Local"}} {
		if _, err := NewTimeFormat(c[0], c[1]); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
}

// TestLocalTimesOfTransitions: semantics, common to 9–16 and 18–20.
func TestLocalTimesOfTransitions(t *testing.T) {
	for _, c := range []struct{ layout, zone, in, want string }{
		{"2006-01-02 15:04:05", "Europe/Warsaw", "2026-03-29 01:59:59", "2026-03-29T00:59:59.000Z"},
		{"2006-01-02 15:04:05", "Europe/Warsaw", "2026-03-29 02:30:00", "2026-03-29T01:00:00.000Z"}, // skipped
		{"2006-01-02 15:04:05", "Europe/Warsaw", "2026-03-29 03:00:00", "2026-03-29T01:00:00.000Z"},
		{"2006-01-02 15:04:05", "Europe/Warsaw", "2025-10-26 02:30:00", "2025-10-26T00:30:00.000Z"}, // doubled
		{"2006-01-02 15:04:05", "Europe/Warsaw", "2025-10-26 03:00:00", "2025-10-26T02:00:00.000Z"},
		{"2006-01-02 15:04:05", "America/New_York", "2026-11-01 01:30:00", "2026-11-01T05:30:00.000Z"},
		{"2006-01-02 15:04:05", "America/New_York", "2026-03-08 02:30:00", "2026-03-08T07:00:00.000Z"},
		{"rfc3339", "Europe/Warsaw", "2025-10-26T02:30:00", "2025-10-26T00:30:00.000Z"},
		{"rfc3339", "Europe/Warsaw", "2025-10-26T02:30:00+01:00", "2025-10-26T01:30:00.000Z"},
		// Layouts that the time package reads.
		{"Jan _2 2006 15:04", "Europe/Warsaw", "Oct 26 2025 02:30", "2025-10-26T00:30:00.000Z"},
		{"Jan _2 2006 15:04", "Europe/Warsaw", "Mar 29 2026 02:30", "2026-03-29T01:00:00.000Z"},
		{"Jan _2 2006 15:04 -0700", "Europe/Warsaw", "Oct 26 2025 02:30 +0100", "2025-10-26T01:30:00.000Z"},
		{"Jan _2 2006 15:04 MST", "Europe/Warsaw", "Oct 26 2025 02:30 CET", "2025-10-26T01:30:00.000Z"},
		{"Jan _2 2006 15:04 MST", "Europe/Warsaw", "Oct 26 2025 02:30 CEST", "2025-10-26T00:30:00.000Z"},
	} {
		ms, ok := format(t, c.layout, c.zone).Parse([]byte(c.in))
		if got := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"); !ok || got != c.want {
			t.Errorf("%s %s: %q is %s, %v; want %s", c.layout, c.zone, c.in, got, ok, c.want)
		}
	}
}

// TestLayoutsAgainstTime compares with the time package over transitions of
// zones, in any order.
func TestLayoutsAgainstTime(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, zone := range []string{"UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, layout := range []string{"2006-01-02 15:04:05", "02/01/2006 15:04", "2006-01-02T15:04:05Z07:00", "20060102 150405", "2006-01-02T15:04:05.000"} {
			f := format(t, layout, zone)
			for range 3000 {
				at := time.UnixMilli(r.Int64N(4_102_444_800_000)).In(loc)
				if r.IntN(2) == 0 { // near a transition
					if _, end := at.ZoneBounds(); !end.IsZero() {
						at = end.Add(time.Duration(r.Int64N(int64(6*time.Hour))) - 3*time.Hour).In(loc)
					}
				}
				text := at.Format(layout)
				want, err := time.ParseInLocation(layout, text, loc)
				if start, _ := want.ZoneBounds(); err == nil && !start.IsZero() && !strings.Contains(layout, "Z07") {
					// Of a doubled local time the first counts.
					_, now := want.Zone()
					_, before := start.Add(-time.Second).Zone()
					if first := want.Add(time.Duration(now-before) * time.Second); first.Before(start) {
						want = first
					}
				}
				got, ok := f.Parse([]byte(text))
				if err != nil || !ok || got != want.UnixMilli() {
					t.Fatalf("%s %s: %s is %d, %v; want %d", zone, layout, text, got, ok, want.UnixMilli())
				}
			}
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("2010-12-01 08:26:00")
	f.Add("2010-12-01 08:26:00.5")
	f.Add("2010-2-01 8:26:00")
	f.Fuzz(func(t *testing.T, text string) {
		for _, layout := range []string{"2006-01-02 15:04:05", "02.01.2006 15:04"} {
			p := format(t, layout, "Asia/Kolkata") // without daylight saving
			want, err := time.ParseInLocation(layout, text, p.zone)
			good := err == nil && want.UnixMilli() >= 0 && want.UnixMilli() <= timeMax
			got, ok := p.Parse([]byte(text))
			if ok != good || ok && got != want.UnixMilli() {
				t.Fatalf("%s: %q is %d, %v; want %v, %v", layout, text, got, ok, want, err)
			}
		}
	})
}

func FuzzRFC3339(f *testing.F) {
	for _, s := range []string{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.123456+02:00", "2026-03-01T12:00:00-23:59"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := time.Parse(time.RFC3339, text)
		got, ok := RFC3339([]byte(text))
		if err == nil && text[13] == ':' && want.UnixMilli() >= 0 && (!ok || got != want.UnixMilli()) {
			t.Fatalf("%q is %d, %v; want %d", text, got, ok, want.UnixMilli())
		}
	})
}
