package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// write publishes a snapshot with the sections, each written in pieces.
func write(t testing.TB, dir string, generation uint32, number int64, sections map[string][]byte) string {
	t.Helper()
	w, err := Create(dir, generation, number)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range sections {
		to := w.Section(name)
		for len(data) > 0 {
			n := min(len(data), 100_000)
			if _, err := to.Write(data[:n]); err != nil {
				t.Fatal(err)
			}
			data = data[n:]
		}
	}
	if err := errors.Join(w.Finish(), w.Publish()); err != nil {
		t.Fatal(err)
	}
	return w.Path()
}

func noise(size int) []byte {
	r := rand.NewChaCha8([32]byte{byte(size)})
	b := make([]byte, size)
	r.Read(b)
	return b
}

func files(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestSectionsComeBackInParallel(t *testing.T) {
	sections := map[string][]byte{}
	for _, size := range []int{0, 1, 1000, frameBytesMax - 1, frameBytesMax, frameBytesMax + 1, 3*frameBytesMax + 7} {
		sections[fmt.Sprint("of ", size)] = noise(size)
	}
	path := write(t, t.TempDir(), 3, 4, sections)
	if err := Verify(path); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Generation() != 3 || r.Number() != 4 || len(r.Sections()) != len(sections) {
		t.Error(r.Generation(), r.Number(), r.Sections())
	}
	var all sync.WaitGroup
	for name, want := range sections {
		all.Go(func() {
			s, err := r.Section(name)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		})
	}
	all.Wait()
	if _, err := r.Section("of 5"); err == nil || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), `there is no section "of 5"`) {
		t.Error(err)
	}
}

func TestWriterIsUsedInOrder(t *testing.T) {
	f := func(want string, use func(w *Writer) error) {
		t.Helper()
		dir := t.TempDir()
		w, err := Create(dir, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := use(w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
		if got := files(t, dir); got != "" {
			t.Errorf("%s: left %s", want, got)
		}
	}
	f("is not finished", (*Writer).Publish)
	f(`section "a" has no name`, func(w *Writer) error { w.Section("a"); w.Section("b"); w.Section("a"); return w.Finish() })
	f(`section "a" is written after its end`, func(w *Writer) error { a := w.Section("a"); w.Section("b"); _, err := a.Write([]byte("x")); return err })
	f("is finished", func(w *Writer) error { err := w.Finish(); w.Section("a"); return errors.Join(err, w.Publish()) })
	f("given up", func(w *Writer) error { return errors.Join(w.Abort(), w.Publish()) })
}

func TestPublishedIsWhole(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w.Section("a"), "new")
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if list, err := List(dir); err != nil || len(list) != 0 {
		t.Fatalf("%v, %v before it is published", list, err)
	}
	if err := w.Publish(); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	// Another one of the same commit takes its place.
	path := write(t, dir, 1, 7, map[string][]byte{"b": []byte("newer")})
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := fmt.Sprint(r.Sections()); got != "[b]" || files(t, dir) != filepath.Base(path) {
		t.Error(got, files(t, dir))
	}
}

func TestListAndPrune(t *testing.T) {
	dir := t.TempDir()
	if list, err := List(filepath.Join(dir, "none")); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	for _, n := range []int64{9, 100, 11} {
		write(t, dir, 5, n, nil)
	}
	write(t, dir, 6, 2, nil)
	for _, name := range []string{"snapshot-5-9.snap", "notes.tmp", "snapshot.snap", name(5, 3) + ".tmp", name(5, 3) + ".tmp2"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, s := range list {
		got = append(got, s.Number)
	}
	if fmt.Sprint(got) != "[2 100 11 9]" || list[0].Generation != 6 || list[0].Bytes != headerBytes+4+trailerBytes {
		t.Errorf("%v", list)
	}
	w, err := Create(dir, 6, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := Prune(dir, 2); err != nil {
		t.Fatal(err)
	}
	want := "notes.tmp snapshot-0000000005-00000000000000000003.snap.tmp2 snapshot-0000000005-00000000000000000100.snap " +
		"snapshot-0000000006-00000000000000000002.snap snapshot-0000000006-00000000000000000003.snap.tmp snapshot-5-9.snap snapshot.snap"
	if got := files(t, dir); got != want {
		t.Error(got)
	}
	if err := errors.Join(w.Finish(), w.Publish(), Prune(dir, 9)); err != nil {
		t.Fatal(err)
	}
	if list, err := List(dir); err != nil || len(list) != 3 {
		t.Error(list, err)
	}
}

// TestEveryDamageIsFound cuts a snapshot at each length, turns over each of its
// bits, and puts bytes behind its end.
func TestEveryDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, 1, 2, map[string][]byte{"first": []byte("some state"), "empty": nil, "second": noise(40)})
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(bad []byte) {
		t.Helper()
		r := &Reader{path: path, file: bytes.NewReader(bad)}
		err := r.open(int64(len(bad)))
		if err == nil {
			err = r.verify()
		}
		var d *Damage
		if !errors.Is(err, ErrDamaged) || !errors.As(err, &d) || d.File != path {
			t.Fatalf("%x: %v", bad, err)
		}
	}
	for n := range good {
		try(good[:n])
	}
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		try(bad)
	}
	try(append(bytes.Clone(good), 0))
	try(append(bytes.Clone(good), good...))
	// A file under another's name.
	other := filepath.Join(dir, name(1, 3))
	if err := os.Rename(path, other); err != nil {
		t.Fatal(err)
	}
	if err := Verify(other); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "the file holds commit 2 of generation 1") {
		t.Error(err)
	}
}

// TestSwappedFrames: a frame in another's place is seen.
func TestSwappedFrames(t *testing.T) {
	path := write(t, t.TempDir(), 1, 1, map[string][]byte{"a": noise(3 * frameBytesMax)})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const frame = frameHeader + frameBytesMax
	first, second := b[headerBytes:headerBytes+frame], b[headerBytes+frame:headerBytes+2*frame]
	saved := bytes.Clone(first)
	copy(first, second)
	copy(second, saved)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Verify(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "section a, offset 28: the checksum is wrong") {
		t.Error(err)
	}
}

// full is a disk with a little room.
type full struct {
	file
	room int
}

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, &os.PathError{Op: "write", Path: "snapshot", Err: syscall.ENOSPC}
	}
	return f.file.Write(p)
}

func TestFullDisk(t *testing.T) {
	for _, room := range []int{0, 20, frameBytesMax + 20} {
		dir := t.TempDir()
		w, err := Create(dir, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		w.file = &full{w.file, room}
		// The last frame, or the index, finds no room.
		_, _ = w.Section("a").Write(noise(min(room, frameBytesMax)))
		err = w.Finish()
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room on the disk") {
			t.Errorf("room %d: %v", room, err)
		}
		if err := w.Publish(); !errors.Is(err, syscall.ENOSPC) {
			t.Error(err)
		}
		if got := files(t, dir); got != "" {
			t.Errorf("room %d: %s is left", room, got)
		}
	}
}

// BenchmarkRead is the speed of verified reading from the page cache.
func BenchmarkRead(b *testing.B) {
	path := write(b, b.TempDir(), 1, 1, map[string][]byte{"a": noise(64 << 20)})
	b.SetBytes(64 << 20)
	for b.Loop() {
		if err := Verify(path); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzReader reads files with any frames and index, the checksums around them right.
func FuzzReader(f *testing.F) {
	data := []byte("state")
	frame := append([]byte{1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0}, data...)
	index := tail(headerBytes+int64(len(frame)), []place{{"a", headerBytes, headerBytes + int64(len(frame)), 5}})
	f.Add(frame, index[:len(index)-trailerBytes])
	f.Add([]byte{}, []byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, frames, index []byte) {
		// The first frame gets the checksum that it should have.
		if n := len(frames); n >= frameHeader {
			if size := int(frames[4]) | int(frames[5])<<8; size <= n-frameHeader {
				sum := frameSum(headerBytes, frames[:8], frames[frameHeader:frameHeader+size])
				frames = bytes.Clone(frames)
				frames[8], frames[9], frames[10], frames[11] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
			}
		}
		b := append(header(1, 2), frames...)
		b = append(b, appendTrailer(bytes.Clone(index), int64(headerBytes+len(frames)))...)
		r := &Reader{path: "snapshot", file: bytes.NewReader(b)}
		err := r.open(int64(len(b)))
		if err == nil {
			err = r.verify()
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}
