package stdout

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

func table(name string) *schema.Table {
	return &schema.Table{Name: name, Columns: []schema.Column{{Name: "id", Type: schema.Text}}}
}

func rows(t *schema.Table, id string) *schema.Rows {
	r := schema.NewRows(t)
	r.Begin()
	r.String(id)
	r.End()
	return r
}

func TestLines(t *testing.T) {
	a, b := table("a"), table("b")
	f := func(want string, tables ...*schema.Table) {
		t.Helper()
		var out bytes.Buffer
		s := New(Config{})
		s.out = &out
		d := &pipeline.Delivery{}
		for _, x := range tables {
			d.Rows = append(d.Rows, rows(x, x.Name+"1"))
		}
		for _, err := range []error{s.Open(t.Context(), tables), s.Write(t.Context(), d), s.Close(t.Context())} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := out.String(); got != want {
			t.Errorf("got %q want %q", got, want)
		}
	}
	f(`{"id":"a1"}`+"\n", a)
	f(`{"table":"a","id":"a1"}`+"\n"+`{"table":"b","id":"b1"}`+"\n", a, b)
}

func TestFullDiskHolds(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	a := table("a")
	s := New(Config{})
	s.out = full
	if err := s.Open(t.Context(), []*schema.Table{a}); err != nil {
		t.Fatal(err)
	}
	d := &pipeline.Delivery{Rows: []*schema.Rows{rows(a, "x")}}
	if err := s.Write(t.Context(), d); err != nil || s.Waiting() != 1 {
		t.Fatalf("got %v, %d rows wait; want them taken", err, s.Waiting())
	}
	if err := s.Write(t.Context(), d); !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "make room") || s.Waiting() != 1 {
		t.Fatalf("got %v, %d rows wait", err, s.Waiting())
	}
	var out bytes.Buffer
	s.out = &out
	if err := s.Close(t.Context()); err != nil || out.String() != `{"id":"x"}`+"\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
}
