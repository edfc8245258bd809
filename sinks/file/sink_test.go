package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

var (
	visits = &schema.Table{Name: "visits", Columns: []schema.Column{{Name: "id", Type: schema.Text}, {Name: "n", Type: schema.Int, Nullable: true}}}
	none   = &schema.Table{Name: "none", Columns: []schema.Column{{Name: "id", Type: schema.Text}}}
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

func TestFiles(t *testing.T) {
	f := func(format, visitsWant, noneWant string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "a", "b")
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "visits."+format), []byte("of a former run\n"), 0o644))
		s := New(Config{Dir: dir, Format: format})
		must(t, s.Open(t.Context(), []*schema.Table{visits, none}))
		must(t, s.Write(t.Context(), delivery("a")))
		if s.Waiting() != 1 {
			t.Errorf("%s: %d rows wait, want 1", format, s.Waiting())
		}
		must(t, s.Flush(t.Context()))
		if got := read(t, filepath.Join(dir, "visits."+format)); !strings.HasPrefix(visitsWant, got) || strings.Count(got, "a") == 0 || s.Waiting() != 0 {
			t.Errorf("%s: after flush %q and %d rows wait", format, got, s.Waiting())
		}
		must(t, s.Write(t.Context(), delivery("b", "c")))
		must(t, s.Close(t.Context()))
		if got := read(t, filepath.Join(dir, "visits."+format)); got != visitsWant {
			t.Errorf("%s: got %q want %q", format, got, visitsWant)
		}
		if got := read(t, filepath.Join(dir, "none."+format)); got != noneWant {
			t.Errorf("%s: got %q want %q", format, got, noneWant)
		}
	}
	f(JSONL, `{"id":"a","n":0}`+"\n"+`{"id":"b","n":0}`+"\n"+`{"id":"c","n":1}`+"\n", "")
	f(CSV, "id,n\na,0\nb,0\nc,1\n", "id\n")
}

func TestFullDiskHolds(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "visits.jsonl")
	must(t, os.Symlink("/dev/full", path))
	s := New(Config{Dir: dir, Format: JSONL})
	must(t, s.Open(t.Context(), []*schema.Table{visits, none}))
	must(t, s.Write(t.Context(), delivery("a")))
	err := s.Flush(t.Context())
	if !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "visits.jsonl") || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("got %v", err)
	}
	big := strings.Repeat("x", chunkBytes)
	must(t, s.Write(t.Context(), delivery(big)))
	if err := s.Write(t.Context(), delivery("never taken")); !pipeline.IsRetryable(err) || s.Waiting() != 2 {
		t.Fatalf("got %v and %d rows wait, want a hold and 2", err, s.Waiting())
	}
	// Room is made.
	s.outputs[0].file, err = os.Create(filepath.Join(dir, "roomy"))
	must(t, err)
	must(t, s.Close(t.Context()))
	if got, want := read(t, filepath.Join(dir, "roomy")), `{"id":"a","n":0}`+"\n"+`{"id":"`+big+`","n":0}`+"\n"; got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func TestFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o644))
	err := New(Config{Dir: filepath.Join(file, "out"), Format: JSONL}).Open(t.Context(), []*schema.Table{visits})
	if err == nil || pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("got %v", err)
	}
}
