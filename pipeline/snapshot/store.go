package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"touchstream/pipeline/disk"
)

// Store is a file system with snapshots.
type Store struct{ fs disk.FS }

// On gives the snapshots of a file system.
func On(fs disk.FS) Store { return Store{fs} }

// The functions of package snapshot are those of the machine's file system.
var local = On(disk.OS)

// Create is Store.Create.
func Create(dir string, generation uint32, number int64) (*Writer, error) {
	return local.Create(dir, generation, number)
}

// Open is Store.Open.
func Open(path string) (*Reader, error) { return local.Open(path) }

// List is Store.List.
func List(dir string) ([]Info, error) { return local.List(dir) }

// Prune is Store.Prune.
func Prune(dir string, keep int) error { return local.Prune(dir, keep) }

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
func (s Store) List(dir string) ([]Info, error) {
	entries, err := s.fs.ReadDir(dir)
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
func (s Store) Prune(dir string, keep int) error {
	list, err := s.List(dir)
	if err != nil {
		return err
	}
	for _, info := range list[min(keep, len(list)):] {
		err = errors.Join(err, s.remove(info.Path))
	}
	entries, readErr := s.fs.ReadDir(dir)
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		return errors.Join(err, disk.Explain(dir, readErr))
	}
	for _, e := range entries {
		base, isTemporary := strings.CutSuffix(e.Name(), ".tmp")
		if _, _, ok := parseName(base); ok && isTemporary && e.Type().IsRegular() {
			err = errors.Join(err, s.removeUnlocked(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// removeUnlocked removes a file that no Writer has locked.
func (s Store) removeUnlocked(path string) error {
	f, err := s.fs.Create(path)
	if errors.Is(err, disk.ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.remove(path), f.Close())
}

func (s Store) remove(path string) error {
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Explain(path, err)
	}
	return nil
}
