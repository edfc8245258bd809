package fact

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	a, b, c := Window{"page", 0, 1}, Window{"page", 0, 2}, Window{"page", 60_000, 1}
	d := Compare([]Window{a, a, b}, []Window{c, a})
	if d.Both != 1 || d.Missing != 2 || d.Extra != 1 || len(d.Examples) != 3 || d.Equal() {
		t.Errorf("%+v", d)
	}
	if d := Compare([]Window{a, b}, []Window{b, a}); !d.Equal() {
		t.Errorf("the same rows in another order: %s", d)
	}
	if d := Compare[Window](nil, nil); d.Equal() {
		t.Error("no rows are equal to none")
	}
}

func TestReadOurs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	row := func(id, key, rest string) string {
		return `{"session_id":"` + id + `","device_key":"` + key + `","start":"2026-03-02T00:00:00.001Z","end":"2026-03-02T00:00:01.000Z",` + rest + "}\n"
	}
	write("sessions.jsonl", row("1", "anonymous_id:a", `"events":3,"page_views":1,"adds":1,"orders":1,"revenue":12.5,"revision":2`)+
		row("1", "anonymous_id:a", `"events":2,"revenue":0,"revision":1`)+
		row("2", "anonymous_id:b", `"events":1,"revenue":0,"revision":1`)+
		row("2", "anonymous_id:b", `"events":1,"revenue":0,"revision":2,"is_deleted":true`)+
		row("3", "anonymous_id:"+FlushKey, `"events":1,"revenue":0,"revision":1`))
	rows, err := ReadOurSessions(dir)
	if want := []Session{{"a", 1_772_409_600_001, 1_772_409_601_000, 3, 1, 0, 1, 1, 125_000}}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("%+v, %v; want %+v", rows, err, want)
	}
	write("sessions.jsonl", row("1", "device_id:a", `"events":3,"revenue":0,"revision":1`))
	if _, err := ReadOurSessions(dir); err == nil {
		t.Error("a session of a device_id is read")
	}
	write("window_by_event.jsonl", `{"event":"page","window_start":"2026-03-02T00:01:00.000Z","events":5,"revision":1}
{"event":"page","window_start":"2026-03-02T00:01:00.000Z","events":6,"revision":2}
{"event":"`+FlushEvent+`","window_start":"2026-03-02T00:01:00.000Z","events":1,"revision":1}
`)
	windows, err := ReadOurWindows(dir)
	if want := []Window{{"page", 1_772_409_660_000, 6}}; err != nil || !slices.Equal(windows, want) {
		t.Errorf("%+v, %v; want %+v", windows, err, want)
	}
	if _, err := ReadWindows(filepath.Join(dir, "nothing.jsonl")); err == nil {
		t.Error("a file that is not there is read")
	}
}
