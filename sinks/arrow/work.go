package arrow

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

// The time between two tries to write a file to a full disk.
const (
	retryWaitMin = 100 * time.Millisecond
	retryWaitMax = 3 * time.Second
)

// work writes one file after another until the sink is closed or one fails for
// good.
func (r *rolling) work() {
	defer close(r.ended)
	for {
		b := r.due()
		if b == nil {
			return
		}
		err := r.insist(b)
		if errors.Is(err, errStopped) {
			return
		}
		r.mu.Lock()
		if err != nil {
			r.failed = err
		} else {
			r.closed = r.closed[1:]
			b.table.delivered = b.number
			r.account(b)
		}
		r.changed.Broadcast()
		r.mu.Unlock()
		if err != nil {
			r.report(err)
			return
		}
	}
}

// due waits for a block to write; nil when the sink is closed.
func (r *rolling) due() *block {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.isStopped() {
		if r.isDue() {
			return r.closed[0]
		}
		r.changed.Wait()
	}
	return nil
}

func (r *rolling) isStopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

var errStopped = errors.New("stopped")

// insist writes a block's file, again while the disk is full.
func (r *rolling) insist(b *block) error {
	isHeld := false
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		err := r.write(b)
		switch {
		case err == nil && isHeld:
			r.report(nil)
			return nil
		case !pipeline.IsRetryable(err):
			return err
		}
		isHeld = true
		r.report(err)
		select {
		case <-r.stop:
			return errStopped
		case <-time.After(wait):
		}
	}
}

// name is the name of a block's file without its ending. It sorts by run and
// number.
func (r *rolling) name(b *block) string {
	if b.run == 0 {
		return fmt.Sprintf("%s-%d-%010d", b.table.Name, r.generation, b.number)
	}
	return fmt.Sprintf("%s-%d-%d-%010d", b.table.Name, r.generation, b.run, b.number)
}

// write writes a block's file; the same block gives the same bytes.
func (r *rolling) write(b *block) error {
	f, err := create(r.cfg, r.name(b), b.table.Table)
	if err != nil {
		return err
	}
	rows := newBatch(b.table.Table)
	defer rows.builder.Release()
	rows.add(b.rows)
	if err := f.finish(rows); err != nil {
		// The error that counts is the first one; what is left is removed by the
		// next try, or the next start.
		_ = f.discard()
		return err
	}
	return hold(disk.SyncDir(r.cfg.Dir))
}

// clean removes the files that a dead process left on their way.
func (r *rolling) clean() error {
	entries, err := os.ReadDir(r.cfg.Dir)
	if err != nil {
		return disk.Explain(r.cfg.Dir, err)
	}
	for _, e := range entries {
		if !r.isHidden(e.Name()) {
			continue
		}
		path := filepath.Join(r.cfg.Dir, e.Name())
		f, err := disk.Open(path) // fails for a file that is being written
		if err != nil {
			return err
		}
		if err := errors.Join(os.Remove(path), f.Close()); err != nil {
			return disk.Explain(path, err)
		}
	}
	return nil
}

// isHidden reports whether a name is that of a file of these tables on its way.
func (r *rolling) isHidden(name string) bool {
	name = strings.TrimSuffix(name, keysEnding)
	for _, t := range r.tables {
		rest, ok := strings.CutPrefix(name, "."+t.Name+"-")
		if ok && strings.HasSuffix(rest, "."+r.cfg.Format+hiddenEnding) && rest[0] >= '0' && rest[0] <= '9' {
			return true
		}
	}
	return false
}
