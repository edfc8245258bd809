package pipeline

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// frozenState is a cut through all state, held while it is written.
type frozenState struct {
	head   []byte
	budget *flat.Budget
	core   *flat.Frozen
	shards []frozenShard
}

type frozenShard struct {
	members *flat.Frozen
	rows    []*frozenRows // by buffer
}

// shardParts lists the parts of one shard's operators.
func (f *fold) shardParts(shard int) *flat.Parts {
	p := &flat.Parts{}
	for _, m := range f.members {
		m.shards[shard].State(p)
	}
	return p
}

// coreParts lists what is not any shard's.
func (f *fold) coreParts() *flat.Parts {
	p := &flat.Parts{}
	flat.Var(p, &f.before)
	flat.Var(p, &f.joins)
	for _, b := range f.buffers {
		flat.Var(p, &b.floor)
	}
	p.Blob(f.saveGuests, f.loadGuests)
	if f.resolver != nil {
		f.resolver.State(p)
	}
	if f.admitter.seen != nil {
		p.Add(f.admitter.seen)
	}
	return p
}

// saveGuests writes the profiles that wait to join others.
func (f *fold) saveGuests(dst []byte) []byte {
	w := encoder{dst}
	hosts := make([]event.Hash, 0, len(f.guests))
	for h := range f.guests {
		hosts = append(hosts, h)
	}
	slices.SortFunc(hosts, func(a, b event.Hash) int { return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo)) })
	w.uint(uint64(len(hosts)))
	for _, h := range hosts {
		w.hash(h)
		w.uint(uint64(len(f.guests[h])))
		for _, g := range f.guests[h] {
			w.hash(g)
		}
	}
	return w.b
}

func (f *fold) loadGuests(src []byte) error {
	clear(f.homes)
	clear(f.guests)
	r := decoder{b: src}
	for range r.count() {
		host := r.hash()
		for range r.count() {
			f.lodge(r.hash(), host)
		}
	}
	return r.end("profiles that wait to join")
}

func (w *encoder) hash(h event.Hash) {
	w.uint(h.Hi)
	w.uint(h.Lo)
}

func (r *decoder) hash() event.Hash { return event.Hash{Hi: r.uint(), Lo: r.uint()} }

// freeze cuts through all state. The fold may go on at once; thaw must follow
// when the cut is written or given up.
func (f *fold) freeze(budget *flat.Budget) *frozenState {
	z := &frozenState{budget: budget, core: f.coreParts().Freeze(budget), shards: make([]frozenShard, f.cfg.Shards)}
	views := make([][]*event.Batch, len(f.buffers))
	for i, b := range f.buffers {
		b.views.freeze()
		views[i] = b.views.batches()
	}
	inParallel(len(f.laneBusy), f.cfg.Shards, func(_, shard int) {
		x := &z.shards[shard]
		x.members = f.shardParts(shard).Freeze(budget)
		for i, b := range f.buffers {
			x.rows = append(x.rows, b.queues[shard].freeze(views[i]))
		}
	})
	return z
}

// drop lets the pages be changed without copies. It may be called from any
// goroutine, also while save runs, which then fails.
func (z *frozenState) drop() {
	z.core.Drop()
	for i := range z.shards {
		z.shards[i].members.Drop()
	}
	z.budget.Close()
}

// thaw ends a cut for the reorder buffers.
func (f *fold) thaw() {
	for _, b := range f.buffers {
		for _, q := range b.queues {
			q.thaw()
		}
		f.done = b.views.thaw(f.done)
	}
}

// rehearse makes a cut and lets go of it, so that the first one that counts finds
// its memory made, and does not stand still for it.
func (f *fold) rehearse() {
	f.freeze(nil).drop()
	f.thaw()
}

// Sections of a snapshot.
const (
	headSection = "head"
	coreSection = "core"
)

func shardSection(shard int) string { return fmt.Sprintf("shard-%05d", shard) }
func rowsSection(shard, buffer int) string {
	return fmt.Sprintf("shard-%05d-rows-%d", shard, buffer)
}

// save writes the sections.
func (z *frozenState) save(section func(name string) io.Writer) error {
	if _, err := section(headSection).Write(z.head); err != nil {
		return err
	}
	if err := z.core.Save(section(coreSection)); err != nil {
		return err
	}
	for shard := range z.shards {
		x := &z.shards[shard]
		if err := x.members.Save(section(shardSection(shard))); err != nil {
			return err
		}
		for i, rows := range x.rows {
			if err := rows.save(section(rowsSection(shard, i))); err != nil {
				return err
			}
		}
	}
	return nil
}

// load replaces the fold's state by a snapshot's.
func (f *fold) load(section func(name string) (io.Reader, error)) error {
	// The core, one great part, goes beside the shards and begins first.
	errs := make([]error, 1+f.cfg.Shards)
	inParallel(len(f.laneBusy), len(errs), func(_, i int) {
		if i == 0 {
			errs[0] = loadSection(section, coreSection, f.coreParts().Load)
		} else {
			errs[i] = f.loadShard(section, i-1)
		}
	})
	f.measure()
	return firstError(errs)
}

func (f *fold) loadShard(section func(name string) (io.Reader, error), shard int) error {
	if err := loadSection(section, shardSection(shard), f.shardParts(shard).Load); err != nil {
		return err
	}
	for i, b := range f.buffers {
		if err := loadSection(section, rowsSection(shard, i), b.queues[shard].load); err != nil {
			return err
		}
	}
	return nil
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func loadSection(section func(string) (io.Reader, error), name string, load func(io.Reader) error) error {
	r, err := section(name)
	if err != nil {
		return err
	}
	if err := load(r); err != nil {
		return fmt.Errorf("section %s: %w", name, err)
	}
	return nil
}

// readSection reads a section whole.
func readSection(section func(string) (io.Reader, error), name string) ([]byte, error) {
	var b bytes.Buffer
	err := loadSection(section, name, func(r io.Reader) error { _, err := b.ReadFrom(r); return err })
	return b.Bytes(), err
}
