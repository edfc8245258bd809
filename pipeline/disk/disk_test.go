package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f := func(err error, path, advice string) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), advice) {
			t.Errorf("got %v; want path %s and %q", err, path, advice)
		}
	}
	f(MakeDir(filepath.Join(file, "out")), file, "choose another folder")
	f(MakeDir(file), file, "choose another folder")
	_, err := Create(dir)
	f(err, dir, "move it away")
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	full, err := Create("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	_, err = full.Write([]byte("x"))
	err = Explain("/dev/full", err)
	f(err, "/dev/full", "make room")
	if !IsFull(err) {
		t.Errorf("%v is not seen as full", err)
	}
}

func TestOneWriterOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	first, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.WriteString("first"); err != nil {
		t.Fatal(err)
	}
	if second, err := Create(path); err == nil || !strings.Contains(err.Error(), path+": another sink or another run writes this file") {
		t.Errorf("a second writer got %v, %v", second, err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "first" {
		t.Errorf("the file has %q, %v; want what the first writer wrote", text, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("a writer after the first finds %v, %v; want an empty file", info, err)
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for i, want := range []string{"", "one", "oneone"} {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("opening %d finds %q, %v; want %q", i, text, err, want)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "another run writes this file") {
			t.Errorf("a second writer got %v", err)
		}
		if _, err := f.WriteAt([]byte("one"), int64(len(want))); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Close(), SyncDir(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := SyncDir(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is missing was made durable")
	}
}
