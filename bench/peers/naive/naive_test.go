package naive_test

import (
	"iter"
	"testing"

	"touchstream/bench/peers/core"
	"touchstream/bench/peers/fact"
	"touchstream/bench/peers/naive"
	"touchstream/sources/generator"
)

// web are records of the workload.
func web(t *testing.T, n int) iter.Seq[[]byte] {
	t.Helper()
	return func(yield func([]byte) bool) {
		s, err := generator.Workload("web", 7)
		if err != nil {
			t.Error(err)
			return
		}
		var rec generator.Record
		for range n {
			if !s.Next(&rec) || !yield(rec.Value) {
				return
			}
		}
	}
}

// visits are calls of two people whose sessions meet at the gap, are bridged by
// a late event, and begin earlier than they seemed to.
func visits(yield func([]byte) bool) {
	for _, c := range []struct{ id, who, at string }{
		{"1", "a", "10:00:00.000"}, {"2", "b", "10:00:01.000"}, {"3", "a", "10:30:00.000"}, // at the gap: one session
		{"4", "a", "11:00:00.001"},                             // just beyond it: another
		{"5", "b", "10:59:59.000"},                             // in order of arrival behind the next minute
		{"6", "b", "11:30:05.000"}, {"7", "b", "11:29:58.000"}, // bridges what it follows
		{"8", "a", "14:00:00.000"},
	} {
		if !yield([]byte(`{"type":"page","messageId":"` + c.id + `","timestamp":"2026-03-02T` + c.at + `Z","anonymousId":"` + c.who + `"}`)) {
			return
		}
	}
}

// TestAsTouchstream compares the sessions and windows of both, row by row.
func TestAsTouchstream(t *testing.T) {
	for name, records := range map[string]iter.Seq[[]byte]{"web": web(t, 60_000), "visits": visits} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := core.Sessions(t.Context(), records, dir); err != nil {
				t.Fatal(err)
			}
			want, err := fact.ReadOurSessions(dir)
			if err != nil {
				t.Fatal(err)
			}
			got, err := naive.Sessions(records)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "sessions", want, got)

			if err := core.Windows(t.Context(), records, dir); err != nil {
				t.Fatal(err)
			}
			wantWindows, err := fact.ReadOurWindows(dir)
			if err != nil {
				t.Fatal(err)
			}
			gotWindows, late, err := naive.Windows(records)
			if err != nil || late > 0 {
				t.Fatal(late, err)
			}
			check(t, "windows", wantWindows, gotWindows)
		})
	}
}

func check[T comparable](t *testing.T, what string, want, got []T) {
	t.Helper()
	if d := fact.Compare(want, got); !d.Equal() {
		t.Errorf("%s: %s\n%q", what, d, d.Examples)
	}
}

func TestBadRecord(t *testing.T) {
	bad := func(yield func([]byte) bool) { yield([]byte(`{"type":`)) }
	if _, err := naive.Sessions(bad); err == nil {
		t.Error("half a record is a session")
	}
}
