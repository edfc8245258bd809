package arrow

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"touchstream/pipeline/disk"
)

// numberDigits is the width of a block's number in its file's name.
const numberDigits = 10

// numberOf reads a name as rolling.name makes it, of a table.
func (r *rolling) numberOf(name, table string) (number int64, ok bool) {
	rest, ok := strings.CutPrefix(name, table+"-")
	if !ok {
		return 0, false
	}
	rest, ok = strings.CutSuffix(rest, "."+r.cfg.Format)
	parts := strings.Split(rest, "-")
	if !ok || len(parts) < 2 || len(parts) > 3 || len(parts[len(parts)-1]) < numberDigits {
		return 0, false
	}
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 63)
		if err != nil {
			return 0, false
		}
		number = int64(n)
	}
	return number, true
}

// others lists the files of these tables that the state does not know: those of
// a state before a reset, of what a bounded run has closed at the end of time,
// and of commits that were lost.
func (r *rolling) others() ([]string, error) {
	entries, err := os.ReadDir(r.cfg.Dir)
	if err != nil {
		return nil, disk.Explain(r.cfg.Dir, err)
	}
	var paths []string
	for _, e := range entries {
		for _, t := range r.tables {
			if number, ok := r.numberOf(e.Name(), t.Name); ok && number > t.kept && e.Type().IsRegular() {
				paths = append(paths, filepath.Join(r.cfg.Dir, e.Name()))
			}
		}
	}
	return paths, nil
}

// tidy removes void files, so that who reads the folder gets each row once.
func (r *rolling) tidy() error {
	if r.isTidy {
		return nil
	}
	paths, err := r.others()
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			return disk.Explain(path, err)
		}
	}
	if err := disk.SyncDir(r.cfg.Dir); err != nil {
		return err
	}
	r.isTidy = true
	return nil
}

// refuseOthers keeps a sink that joins a state from another one's files.
func (r *rolling) refuseOthers() error {
	paths, err := r.others()
	if err == nil && len(paths) > 0 {
		err = fmt.Errorf("%s is there and was not written by this sink, which the state does not know; give the sink the name that it had, or another dir", paths[0])
	}
	return err
}
