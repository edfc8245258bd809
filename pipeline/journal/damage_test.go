package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/disk/disktest"
)

// damages gives all bytes cut at each length, and with each bit turned over.
func damages(good []byte) [][]byte {
	var out [][]byte
	for n := range good {
		out = append(out, good[:n])
	}
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		out = append(out, bad)
	}
	return out
}

// TestEveryDamageIsFound cuts and changes a journal of two segments everywhere.
// What stands before the damage is read, and the journal goes on from there.
func TestEveryDamageIsFound(t *testing.T) {
	d := disktest.New()
	fs, dir := d.Process(nil), "/state"
	f := openOn(t, fs, dir)
	commit(t, f, 1, "one")
	commit(t, f, 2, "two")
	f.isFull = true
	commit(t, f, 3, "three")
	firstPath, secondPath := filepath.Join(dir, segmentName(1)), filepath.Join(dir, segmentName(3))
	first, err := d.ReadFile(firstPath)
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.ReadFile(secondPath)
	if err != nil {
		t.Fatal(err)
	}
	whole := []string{"1:one", "2:two", "3:three"}
	try := func(path string, bad []byte) {
		t.Helper()
		for name, data := range map[string][]byte{firstPath: first, secondPath: second, path: bad} {
			file, err := fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
			if err == nil {
				_, err = file.Write(data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		f.noteEnd(3)
		got, damage := read(t, f, 1)
		var found *Damage
		n := len(got)
		switch {
		case n >= len(whole) || strings.Join(got, " ") != strings.Join(whole[:n], " "):
			t.Fatalf("%s with %x: read %q", path, bad, got)
		case damage == nil:
			t.Fatalf("%s with %x: damage is not seen", path, bad)
		case damage != nil && (!errors.As(damage, &found) || !errors.Is(damage, pipeline.ErrDamaged) || found.Number != int64(n+1)):
			t.Fatalf("%s with %x: %v behind %q", path, bad, damage, got)
		}
		again := append(got[:n:n], fmt.Sprintf("%d:again", n+1), fmt.Sprintf("%d:more", n+2))
		commit(t, f, int64(n+1), "again")
		commit(t, f, int64(n+2), "more")
		wantEntries(t, f, 1, again...)
		if kept := strings.Count(namesOn(t, fs, dir), ".damaged"); kept == 0 && found.Offset != int64(len(bad)) {
			t.Fatalf("%s with %x: nothing was set aside", path, bad)
		}
		list, err := fs.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Name() == "lock" {
				continue
			}
			if err := fs.Remove(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, bad := range damages(first) {
		try(firstPath, bad)
	}
	for _, bad := range damages(second) {
		try(secondPath, bad)
	}
}

// TestLostEndIsSeen: whole entries that are gone from the end, or all files.
func TestLostEndIsSeen(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for i := range int64(5) {
		commit(t, f, i+1, "x")
	}
	path := filepath.Join(dir, segmentName(1))
	cut := int64(segmentHeader + 2*(entryHeader+1))
	if err := os.Truncate(path, cut); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir)
	got, damage := read(t, f, 1)
	want := fmt.Sprintf("%s: entry 3 at offset %d: the journal ends here, and entry 5 had been written: its end was cut off", path, cut)
	if len(got) != 2 || damage == nil || damage.Error() != want || !errors.Is(damage, pipeline.ErrDamaged) {
		t.Errorf("%q, %v; want %s", got, damage, want)
	}
	if place, number := f.End(); number != 2 || place != fmt.Sprintf("%s at offset %d", path, cut) {
		t.Errorf("%s, %d", place, number)
	}
	commit(t, f, 3, "again")
	wantEntries(t, f, 1, "1:x", "2:x", "3:again")
	if got := names(t, dir); got != "1.log lock" {
		t.Error(got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, damage := read(t, f, 1); damage == nil || !strings.Contains(damage.Error(), dir+": entry 1 at offset 0: the journal ends here, and entry 3 had been written") {
		t.Error(damage)
	}
	// What begins anew has lost nothing.
	if err := f.Reset(7); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, f, 1)
	commit(t, f, 1, "one")
	if err := f.Forget(); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, f, 1)
}
