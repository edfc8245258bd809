package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

var _ pipeline.Journal = (*Files)(nil)

func open(t *testing.T, dir string) *Files {
	t.Helper()
	return openOn(t, disk.OS, dir)
}

func openOn(t *testing.T, fs disk.FS, dir string) *Files {
	t.Helper()
	f, err := OpenOn(fs, dir)
	if err == nil {
		err = f.Open(t.Context(), func() { t.Error("the journal is in use") })
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// read gives the entries from first on as "number:entry".
func read(t *testing.T, f *Files, first int64) (entries []string, damage error) {
	t.Helper()
	damage, err := f.Read(t.Context(), first, func(number int64, entry []byte) error {
		entries = append(entries, fmt.Sprintf("%d:%s", number, entry))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries, damage
}

func commit(t *testing.T, f *Files, number int64, entry string) {
	t.Helper()
	if err := f.Commit(t.Context(), number, []byte(entry)); err != nil {
		t.Fatal(err)
	}
}

func wantEntries(t *testing.T, f *Files, first int64, want ...string) {
	t.Helper()
	got, damage := read(t, f, first)
	if damage != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("from %d: got %q, %v; want %q", first, got, damage, want)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	return namesOn(t, disk.OS, dir)
}

func namesOn(t *testing.T, fs disk.FS, dir string) string {
	t.Helper()
	list, err := fs.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range list {
		out = append(out, strings.TrimLeft(strings.TrimPrefix(n.Name(), "journal-"), "0"))
	}
	return strings.Join(out, " ")
}

func TestEntriesComeBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "journal")
	f := open(t, dir)
	wantEntries(t, f, 1)
	commit(t, f, 1, "one")
	commit(t, f, 2, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir)
	commit(t, f, 3, "three")
	for _, number := range []int64{0, 2, 3, 5} {
		if err := f.Commit(t.Context(), number, nil); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("entry %d is to follow entry 3", number)) {
			t.Errorf("commit %d: %v", number, err)
		}
	}
	wantEntries(t, f, 1, "1:one", "2:", "3:three")
	wantEntries(t, f, 3, "3:three")
	wantEntries(t, f, 4)
	stop := errors.New("enough")
	if _, err := f.Read(t.Context(), 1, func(int64, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Read(ctx, 1, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCommitBehindAGap: a snapshot of entry 9 makes all before it needless.
func TestCommitBehindAGap(t *testing.T) {
	f := open(t, t.TempDir())
	commit(t, f, 1, "one")
	wantEntries(t, f, 9)
	if err := f.Commit(t.Context(), 8, nil); err == nil {
		t.Error("an entry before those that are needed is taken")
	}
	commit(t, f, 10, "ten")
	commit(t, f, 11, "eleven")
	wantEntries(t, f, 10, "10:ten", "11:eleven")
	wantEntries(t, f, 11, "11:eleven")
	wantEntries(t, f, 9, "10:ten", "11:eleven") // as if it were trimmed
	// A start that ends with its header goes on as the segment it is.
	if err := os.Truncate(filepath.Join(f.dir, segmentName(10)), segmentHeader); err != nil {
		t.Fatal(err)
	}
	f.noteEnd(9)
	wantEntries(t, f, 9)
	f.isFull = true
	commit(t, f, 10, "ten again")
	wantEntries(t, f, 9, "10:ten again")
	got, damage := read(t, f, 1)
	if len(got) != 1 || damage == nil || !strings.Contains(damage.Error(), "entry 2 at offset 0: it is missing; the segment begins with entry 10") {
		t.Errorf("got %q, %v", got, damage)
	}
	commit(t, f, 2, "two")
	wantEntries(t, f, 1, "1:one", "2:two")
	if got := names(t, f.dir); got != "1.log 2.log 10.log.1.damaged lock" {
		t.Error(got)
	}
}

// TestEntryThatNobodyUnderstands: what the reader calls damaged is cut off.
func TestEntryThatNobodyUnderstands(t *testing.T) {
	f := open(t, t.TempDir())
	for n, text := range []string{"one", "two", "three"} {
		commit(t, f, int64(n+1), text)
	}
	damage, err := f.Read(t.Context(), 1, func(number int64, _ []byte) error {
		if number == 2 {
			return fmt.Errorf("two is %w", pipeline.ErrDamaged)
		}
		return nil
	})
	if err != nil || damage == nil || !strings.HasSuffix(damage.Error(), "entry 2 at offset 55: two is damaged") {
		t.Fatal(damage, err)
	}
	commit(t, f, 2, "again")
	wantEntries(t, f, 1, "1:one", "2:again")
	if got := names(t, f.dir); got != "1.log 1.log.1.damaged lock" {
		t.Error(got)
	}
}

func TestSegmentsAndTrim(t *testing.T) {
	f := open(t, t.TempDir())
	big := strings.Repeat("x", 33<<20)
	commit(t, f, 1, big)
	commit(t, f, 2, big) // would be over 64 MiB
	commit(t, f, 3, "three")
	if got := names(t, f.dir); got != "1.log 2.log lock" {
		t.Error(got)
	}
	if err := f.Trim(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	commit(t, f, 4, "four") // the trim ended the segment
	if got := names(t, f.dir); got != "2.log 4.log lock" {
		t.Error(got)
	}
	if err := f.Trim(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	commit(t, f, 5, "five")
	if got := names(t, f.dir); got != "4.log lock" {
		t.Error(got)
	}
	wantEntries(t, f, 1, "4:four", "5:five")
	commit(t, f, 6, "six")
	wantEntries(t, f, 5, "5:five", "6:six")
}

func TestOneProcessWrites(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	commit(t, first, 1, "one")
	second, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := second.Open(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	times := 0
	closed := make(chan error, 1)
	err = second.Open(t.Context(), func() {
		times++
		go func() { closed <- first.Close() }()
	})
	if err != nil || times != 1 || <-closed != nil {
		t.Fatalf("%v, standby called %d times", err, times)
	}
	defer second.Close()
	wantEntries(t, second, 1, "1:one")
}

func TestFencedWithoutItsLock(t *testing.T) {
	f := open(t, t.TempDir())
	commit(t, f, 1, "one")
	if err := os.Remove(filepath.Join(f.dir, "lock")); err != nil {
		t.Fatal(err)
	}
	other := open(t, f.dir)
	if err := f.Commit(t.Context(), 2, nil); !errors.Is(err, pipeline.ErrFenced) {
		t.Error(err)
	}
	if err := f.Trim(t.Context(), 1); !errors.Is(err, pipeline.ErrFenced) {
		t.Error(err)
	}
	wantEntries(t, other, 1, "1:one")
}

func TestGenerations(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if n, err := f.Generation(); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	commit(t, f, 1, "old")
	old, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Reset(77); err != nil {
		t.Fatal(err)
	}
	// A crash may leave segments of the earlier generation, and halves of files.
	for _, name := range []string{segmentName(1), segmentName(5), segmentName(2) + ".tmp", "generation.tmp"} {
		if name == segmentName(5) {
			old = header(0, 5, 4)
		}
		if err := os.WriteFile(filepath.Join(dir, name), old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir)
	wantEntries(t, f, 1)
	commit(t, f, 1, "new")
	wantEntries(t, f, 1, "1:new")
	if got := names(t, dir); got != "generation 1.log lock" {
		t.Error(got)
	}
	if n, err := f.Generation(); n != 77 || err != nil {
		t.Error(n, err)
	}
	if err := f.Forget(); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, f, 1)
	commit(t, f, 1, "newer")
	// A generation that went back is not mistaken for a new state.
	if err := os.Remove(filepath.Join(dir, "generation")); err != nil {
		t.Fatal(err)
	}
	if _, damage := read(t, f, 1); damage == nil || !strings.Contains(damage.Error(), "belongs to generation 77 of the state, not to 0") {
		t.Error(damage)
	}
}

func TestDamagedGeneration(t *testing.T) {
	f := open(t, t.TempDir())
	if err := f.Reset(3); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.dir, "generation")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range damages(good) {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := f.Generation(); !errors.Is(err, pipeline.ErrDamaged) {
			t.Fatalf("%x: %d, %v", bad, n, err)
		}
		if _, err := f.Read(t.Context(), 1, nil); !errors.Is(err, pipeline.ErrDamaged) {
			t.Fatalf("%x: %v", bad, err)
		}
	}
	if err := f.Reset(4); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, f, 1)
}

// failing is a disk on which room runs out within an entry.
type failing struct {
	appender
	room  int
	cause error
}

func (f *failing) WriteAt(p []byte, at int64) (int, error) {
	if len(p) <= f.room {
		return f.appender.WriteAt(p, at)
	}
	n, err := f.appender.WriteAt(p[:f.room], at)
	if err != nil {
		return n, err
	}
	return n, &os.PathError{Op: "write", Path: "journal", Err: f.cause}
}

func TestFullDisk(t *testing.T) {
	f := open(t, t.TempDir())
	commit(t, f, 1, "one")
	broken := &failing{appender: f.file, room: 18, cause: syscall.ENOSPC}
	f.file = broken
	for range 2 {
		err := f.Commit(t.Context(), 2, []byte("two"))
		if !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "make room on the disk") {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(f.dir, segmentName(1))); err != nil || info.Size() != segmentHeader+entryHeader+3 {
			t.Fatalf("%d bytes are left, %v", info.Size(), err)
		}
	}
	broken.room = 100
	commit(t, f, 2, "two")
	wantEntries(t, f, 1, "1:one", "2:two")
}

// TestBrokenDisk: after an error other than a full disk nothing is promised.
func TestBrokenDisk(t *testing.T) {
	f := open(t, t.TempDir())
	commit(t, f, 1, "one")
	broken := &failing{appender: f.file, room: 18, cause: syscall.EIO}
	f.file = broken
	err := f.Commit(t.Context(), 2, []byte("two"))
	if !errors.Is(err, syscall.EIO) || pipeline.IsRetryable(err) {
		t.Fatal(err)
	}
	broken.room = 100
	if again := f.Commit(t.Context(), 2, []byte("two")); !errors.Is(again, syscall.EIO) {
		t.Error(again)
	}
}
