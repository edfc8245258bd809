package faulttest_test

import (
	"os"
	"strings"
	"testing"

	"touchstream/deploy/dev/faulttest"
)

// TestDamagedJournal damages the journal in files between a kill and the next
// start, while ClickHouse and the files have what the lost entries released.
// What the journal held is made again, to the same facts.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path string, b []byte) { must(t, os.WriteFile(path, b, 0o600)) }
	damages := []struct {
		name string
		do   func(t *testing.T, path string, content []byte)
	}{
		{"a flipped bit in the last entry", func(t *testing.T, path string, b []byte) { must(t, flip(path, b, len(b)-3)) }},
		{"a lost end", func(t *testing.T, path string, b []byte) { write(t, path, b[:len(b)-5]) }},
		{"a torn entry behind the last", func(t *testing.T, path string, b []byte) { write(t, path, append(b, b[len(b)-60:]...)) }},
		{"a lost file", func(t *testing.T, path string, _ []byte) { must(t, os.Remove(path)) }},
		{"a flipped bit in the middle", func(t *testing.T, path string, b []byte) { must(t, flip(path, b, len(b)/2)) }},
		{"a flipped bit at the start", func(t *testing.T, path string, b []byte) { must(t, flip(path, b, 20)) }},
		{"a lost half", func(t *testing.T, path string, b []byte) { write(t, path, b[:len(b)/2]) }},
		{"nothing in it", func(t *testing.T, path string, _ []byte) { write(t, path, nil) }},
	}
	if !isAll() {
		damages = damages[:4]
	}
	r := faulttest.NewFiles(t, faulttest.Options{Customers: 150})
	share := 0.9 / float64(len(damages))
	r.Append(share)
	r.RunUntilKilled("acknowledge.after", 3)
	for _, d := range damages {
		paths := r.Journal()
		newest := paths[len(paths)-1]
		content, err := os.ReadFile(newest)
		must(t, err)
		d.do(t, newest, content)
		r.Append(share)
		p := r.RunUntilKilled("acknowledge.after", 3)
		if !strings.Contains(p.Log(), "what it held is made again") {
			t.Errorf("a journal with %s was taken:\n%s", d.name, p.Log())
		}
	}
	r.Finish()
	r.Check()
}
