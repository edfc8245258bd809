package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/sinks/sinktest"
)

var (
	visits = &schema.Table{Name: "visits", Columns: []schema.Column{{Name: "id", Type: schema.Text}, {Name: "n", Type: schema.Int, Nullable: true}}}
	none   = &schema.Table{Name: "none", Columns: []schema.Column{{Name: "id", Type: schema.Text}}}
	tables = []*schema.Table{visits, none}
)

func delivery(ids ...string) *pipeline.Delivery {
	d := &pipeline.Delivery{Rows: []*schema.Rows{schema.NewRows(visits), schema.NewRows(none)}}
	for i, id := range ids {
		d.Rows[0].Begin()
		d.Rows[0].String(id)
		d.Rows[0].Int(int64(i))
		d.Rows[0].End()
	}
	return d
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cutNext ends a live commit.
func cutNext(t *testing.T, s *Sink) {
	t.Helper()
	_, err := s.Cut(t.Context(), &pipeline.Cut{Number: s.number + 1})
	must(t, err)
}

func TestLinesLeaveWithTheRelease(t *testing.T) {
	f := func(format, visitsWant, noneWant string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "a", "b")
		path := filepath.Join(dir, "visits."+format)
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(path, []byte("of a former run\n"), 0o644))
		s := New(Config{Dir: dir, Format: format})
		must(t, s.Open(t.Context(), &pipeline.Opening{Tables: tables}))
		head := read(t, path)
		must(t, s.Write(t.Context(), delivery("a")))
		cutNext(t, s)
		must(t, s.Write(t.Context(), delivery("b", "c")))
		if got := read(t, path); got != head || s.Waiting() != 3 {
			t.Errorf("%s: before the release %q, %d rows wait; want %q and 3", format, got, s.Waiting(), head)
		}
		must(t, s.Release(t.Context(), 1))
		if got := read(t, path); !strings.HasPrefix(visitsWant, got) || strings.Count(got, "a") == 0 || strings.Contains(got, "b") || s.Waiting() != 2 {
			t.Errorf("%s: after the first release %q and %d rows wait", format, got, s.Waiting())
		}
		cutNext(t, s)
		must(t, s.Release(t.Context(), 2))
		must(t, s.Drain(t.Context()))
		must(t, s.Write(t.Context(), delivery("never released")))
		must(t, s.Close(t.Context()))
		if got := read(t, path); got != visitsWant {
			t.Errorf("%s: got %q want %q", format, got, visitsWant)
		}
		if got := read(t, filepath.Join(dir, "none."+format)); got != noneWant {
			t.Errorf("%s: got %q want %q", format, got, noneWant)
		}
	}
	f(JSONL, `{"id":"a","n":0}`+"\n"+`{"id":"b","n":0}`+"\n"+`{"id":"c","n":1}`+"\n", "")
	f(CSV, "id,n\na,0\nb,0\nc,1\n", "id\n")
}

// TestCommitByCommit: each commit asks for everything.
func TestCommitByCommit(t *testing.T) {
	dir := t.TempDir()
	s := New(Config{Dir: dir, Format: CSV})
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: tables}))
	for _, id := range []string{"a", "b"} {
		must(t, s.Write(t.Context(), delivery(id)))
		must(t, sinktest.Deliver(t.Context(), s))
	}
	must(t, s.Close(t.Context()))
	if got, want := read(t, filepath.Join(dir, "visits.csv")), "id,n\na,0\nb,0\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestFullDiskHolds(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "visits.jsonl")
	must(t, os.Symlink("/dev/full", path))
	s := New(Config{Dir: dir, Format: JSONL})
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: tables}))
	for i, id := range []string{"a", "b"} {
		must(t, s.Write(t.Context(), delivery(id)))
		cutNext(t, s)
		err := s.Release(t.Context(), int64(i+1))
		if !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "visits.jsonl") || !strings.Contains(err.Error(), "make room") || s.Waiting() != int64(i+1) {
			t.Fatalf("got %v, %d rows wait", err, s.Waiting())
		}
	}
	// Room is made.
	var err error
	s.outputs[0].file, err = os.Create(filepath.Join(dir, "roomy"))
	must(t, err)
	must(t, s.Release(t.Context(), 2))
	must(t, s.Release(t.Context(), 2))
	if s.Waiting() != 0 {
		t.Errorf("%d rows wait", s.Waiting())
	}
	must(t, s.Close(t.Context()))
	if got, want := read(t, filepath.Join(dir, "roomy")), `{"id":"a","n":0}`+"\n"+`{"id":"b","n":0}`+"\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o644))
	err := New(Config{Dir: filepath.Join(file, "out"), Format: JSONL}).Open(t.Context(), &pipeline.Opening{Tables: tables})
	if err == nil || pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("got %v", err)
	}
}

// TestFilesOfOthersAreNotWrittenOver: a sink that joins a state finds files.
func TestFilesOfOthersAreNotWrittenOver(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sessions.jsonl")
	must(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	s := New(Config{Dir: dir, Format: JSONL})
	err := s.Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{{Name: "sessions", Columns: []schema.Column{{Name: "a"}}}}, Dir: t.TempDir(), Joins: true})
	if err == nil || !strings.Contains(err.Error(), path+" is there and was not written by this sink") {
		t.Errorf("error %v", err)
	}
	must(t, s.Close(t.Context()))
}
