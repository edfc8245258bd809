package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"touchstream/pipeline/disk"
)

// Info is a snapshot in a folder.
type Info struct {
	Path       string
	Generation uint32
	Number     int64 // of the commit behind which it lies
	Bytes      int64
}

func name(generation uint32, number int64) string {
	return fmt.Sprintf("snapshot-%010d-%020d.snap", generation, number)
}

func parseName(file string) (generation uint32, number int64, ok bool) {
	text, ok := strings.CutPrefix(file, "snapshot-")
	if !ok {
		return 0, 0, false
	}
	text, ok = strings.CutSuffix(text, ".snap")
	g, n, split := strings.Cut(text, "-")
	if !ok || !split {
		return 0, 0, false
	}
	first, err := strconv.ParseUint(g, 10, 32)
	if err != nil {
		return 0, 0, false
	}
	number, err = strconv.ParseInt(n, 10, 64)
	// Another way to write the numbers is not ours.
	return uint32(first), number, err == nil && name(uint32(first), number) == file
}

// List finds the snapshots of a folder, the newest first: of the highest
// generation, and in it of the highest number. A folder that is not there has
// none.
func List(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, disk.Explain(dir, err)
	}
	var out []Info
	for _, e := range entries {
		generation, number, ok := parseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, disk.Explain(dir, err)
		}
		out = append(out, Info{filepath.Join(dir, e.Name()), generation, number, info.Size()})
	}
	slices.SortFunc(out, func(a, b Info) int {
		return cmp.Or(cmp.Compare(b.Generation, a.Generation), cmp.Compare(b.Number, a.Number))
	})
	return out, nil
}

// Prune deletes all snapshots but the newest ones, and what a crash left
// unfinished. Other files stay, and a snapshot that is being written.
func Prune(dir string, keep int) error {
	list, err := List(dir)
	if err != nil {
		return err
	}
	for _, s := range list[min(keep, len(list)):] {
		err = errors.Join(err, remove(s.Path))
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		return errors.Join(err, disk.Explain(dir, readErr))
	}
	for _, e := range entries {
		base, isTemporary := strings.CutSuffix(e.Name(), ".tmp")
		if _, _, ok := parseName(base); ok && isTemporary && e.Type().IsRegular() {
			err = errors.Join(err, removeUnlocked(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// removeUnlocked removes a file that no Writer has locked.
func removeUnlocked(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return disk.Explain(path, err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	return remove(path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Explain(path, err)
	}
	return nil
}
