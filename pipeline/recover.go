package pipeline

import (
	"context"
	"errors"
	"fmt"

	"touchstream/pipeline/snapshot"
)

// recovery is where a run goes on.
type recovery struct {
	lineage  *lineage
	snapshot *head  // nil: from the first step
	path     string // of the snapshot
	entries  []*entry
	// lost: the end of the journal is damaged or gone. What it held is made
	// anew, and sinks must not take it for what they know.
	lost bool
	// drained: the run before was bounded and moved the watermark to the end of
	// time behind the snapshot. That is not part of the state; its rows are of a
	// generation that this run's win over.
	drained bool
	// number is the newest commit in the journal, generation that of its entry.
	number     int64
	generation uint32
}

// snapshotNumber is the commit of the snapshot, 0 if there is none.
func (r *recovery) snapshotNumber() int64 {
	if r.snapshot == nil {
		return 0
	}
	return r.snapshot.number
}

// input is the state of the reading side to go on from, nil for a new one.
func (r *recovery) input() *inputState {
	if r.snapshot == nil {
		return nil
	}
	return &r.snapshot.input
}

// opening is what a sink starts from.
func (r *recovery) opening(sink, dir string) Opening {
	o := Opening{Generation: r.lineage.generation, Run: r.lineage.run, Dir: dir}
	if r.snapshot != nil {
		o.State = r.snapshot.sinkState(sink)
		o.Joins = o.State == nil
	}
	return o
}

// candidates are the snapshots to try, newest first, and at last none.
func (p *Pipeline) candidates() ([]string, error) {
	if !p.cfg.Durable() {
		return []string{""}, nil
	}
	for _, dir := range []string{p.cfg.SnapshotDir, p.cfg.SinkDir} {
		if dir == "" {
			continue
		}
		if err := p.cfg.disk().MakeDir(dir); err != nil {
			return nil, err
		}
	}
	files, err := p.cfg.snapshots().List(p.cfg.SnapshotDir)
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		// A killed process may have left a name that is not durable yet; what goes on
		// from there must not outlive it.
		if err := p.cfg.disk().SyncDir(p.cfg.SnapshotDir); err != nil {
			return nil, err
		}
	}
	least, err := p.cfg.Journal.Generation()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range files {
		if f.Generation >= least {
			paths = append(paths, f.Path)
		}
	}
	return append(paths, ""), nil
}

// recoverFrom loads a snapshot ("" for none) and the journal behind it.
func (p *Pipeline) recoverFrom(ctx context.Context, path string) (*recovery, error) {
	r := &recovery{path: path}
	if !p.cfg.Durable() {
		r.lineage = newLineage(&p.cfg, 0)
		return r, nil
	}
	var file *snapshot.Reader
	if path != "" {
		var err error
		if file, err = p.cfg.snapshots().Open(path); err != nil {
			return nil, err
		}
		defer file.Close()
		if r.snapshot, err = readSnapshotHead(file); err != nil {
			return nil, err
		}
		if h := r.snapshot; h.format != headFormat {
			return nil, fmt.Errorf("%s was written by version %s in format %d; this is version %s, which reads format %d: go on with version %s, or reset the state and start over",
				path, h.version, h.format, p.cfg.Version, headFormat, h.version)
		}
	}
	if err := p.readJournal(ctx, r); err != nil {
		return nil, err
	}
	if err := p.mayGoOn(r); err != nil {
		return nil, err
	}
	if file != nil {
		if err := p.fold.load(file.Section); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		p.status.loadCounts(r.snapshot.counters)
	}
	least, err := p.cfg.Journal.Generation()
	if err != nil {
		return nil, err
	}
	switch {
	case r.drained:
		r.lineage = newLineage(&p.cfg, r.generation+1)
	case len(r.entries) > 0:
		last := r.entries[len(r.entries)-1]
		r.lineage = &lineage{generation: last.generation, run: last.run}
	case r.snapshot != nil:
		r.lineage = &lineage{generation: r.snapshot.generation, run: r.snapshot.run}
	default:
		r.lineage = newLineage(&p.cfg, least)
	}
	r.lineage.join(&p.cfg)
	return r, nil
}

// readSnapshotHead reads what a snapshot says about itself.
func readSnapshotHead(file *snapshot.Reader) (*head, error) {
	b, err := readSection(file.Section, headSection)
	if err != nil {
		return nil, err
	}
	h, err := decodeHead(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	return h, nil
}

// isDamage reports whether an error leaves hope for an older snapshot.
func isDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, snapshot.ErrDamaged)
}

// readJournal reads the entries behind the snapshot.
func (p *Pipeline) readJournal(ctx context.Context, r *recovery) error {
	from := int64(1)
	if r.snapshot != nil {
		from = r.snapshot.number
	}
	next, generations := from, false
	damage, err := p.cfg.Journal.Read(ctx, from, func(number int64, b []byte) error {
		e, err := decodeEntry(b)
		if errors.Is(err, errOtherFormat) {
			return fmt.Errorf("journal entry %d: %w", number, err)
		}
		if err != nil {
			return fmt.Errorf("journal entry %d: %w: %w", number, err, ErrDamaged)
		}
		if r.snapshot != nil && next == from && number == from+1 {
			next = number // a loss that the snapshot has bridged
		}
		if number != next || e.number != number {
			return &gapError{want: next, have: number}
		}
		next++
		r.generation = e.generation
		switch {
		case r.snapshot != nil && !generations && e.generation != r.snapshot.generation:
			return fmt.Errorf("the snapshot is of generation %d, the journal's entry %d of generation %d: %w", r.snapshot.generation, number, e.generation, errOtherState)
		case r.snapshot != nil && number == r.snapshot.number:
			return nil
		case e.drain:
			r.drained, generations = true, true
			return nil
		}
		r.drained = false // a run has gone on since
		r.entries = append(r.entries, e)
		return nil
	})
	var gap *gapError
	switch {
	case errors.As(err, &gap) && gap.want == from && r.snapshot == nil:
		return fmt.Errorf("the journal begins at commit %d and no usable snapshot reaches up to it: bring back the snapshots of state.snapshots, or reset the state", gap.have)
	case errors.Is(err, errOtherState):
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	case errors.As(err, &gap) && gap.want == from:
		return fmt.Errorf("the snapshot of commit %d lies before the journal's first entry %d: %w", r.snapshot.number, gap.have, ErrDamaged)
	case errors.Is(err, ErrDamaged) || errors.As(err, &gap):
		damage = err
	case err != nil:
		return err
	}
	r.lost = damage != nil || r.snapshot != nil && next == from
	isBehind := r.snapshot != nil && next == from
	r.number = next - 1
	if r.snapshot != nil {
		r.number = max(r.number, r.snapshot.number)
	}
	switch {
	case damage != nil:
		p.cfg.Log.Warn("the end of the journal cannot be used; what it held is made again", "after_commit", r.number, "why", damage.Error())
	case isBehind:
		p.cfg.Log.Warn("the end of the journal is missing; all that it held is in the snapshot", "journal", p.endOfJournal(), "snapshot", r.path, "of_commit", r.snapshot.number)
	}
	return nil
}

// endOfJournal says where the journal ended when it was read.
func (p *Pipeline) endOfJournal() string {
	e, ok := p.cfg.Journal.(Ender)
	if !ok {
		return "it ends before the snapshot"
	}
	place, number := e.End()
	if number == 0 {
		return place + " has no entry"
	}
	return fmt.Sprintf("%s ends behind commit %d", place, number)
}

// errOtherState: a snapshot and the journal are not of one state.
var errOtherState = errors.New("they are not of one state")

// gapError says that an entry is missing.
type gapError struct{ want, have int64 }

func (g *gapError) Error() string {
	return fmt.Sprintf("entry %d follows where %d should be", g.have, g.want)
}
