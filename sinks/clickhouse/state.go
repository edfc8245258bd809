package clickhouse

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"touchstream/pipeline/schema"
)

// openRoom is what a state takes for an open block besides its rows, and for
// what is not of a block.
const openRoom = 16 << 10

// stateForm is the first number of a state.
const stateForm = 2

// kept is what a state holds.
type kept struct {
	number  uint32 // of the last block closed
	pace    *pace
	parcels []*parcel // closed and not delivered; their contents are files
	open    []*block
}

// State makes the closed blocks that wait durable and answers with their list,
// the open blocks with their rows, and what the next decisions depend on.
func (s *Sink) State(context.Context) ([]byte, error) {
	if err := s.keep(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(int(s.blocks.bytes) + openRoom*(1+len(s.blocks.open)))
	e := encoder{w: &out}
	e.uint(stateForm)
	e.uint(uint64(s.blocks.number))
	s.pace.encode(&e)
	s.queue.list(&e)
	e.uint(uint64(len(s.blocks.open)))
	for _, o := range s.blocks.open {
		o.encode(&e)
	}
	return out.Bytes(), e.err
}

// keep writes the blocks that wait to the spool, durably.
func (s *Sink) keep() error {
	waiting := s.queue.pin(s.spool.nextState())
	if len(waiting) == 0 {
		return nil
	}
	if s.spool.dir == "" {
		return errors.Join(s.queue.unpin(waiting, s.spool),
			fmt.Errorf("%d blocks wait for ClickHouse, and without a folder for state they cannot be kept", len(waiting)))
	}
	slots := make(chan struct{}, syncers)
	var wg sync.WaitGroup
	for _, w := range waiting {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			switch {
			case w.write:
				w.err = s.spool.write(w.content, true)
			case w.sync:
				w.err = s.spool.sync(w.number)
			}
		})
	}
	wg.Wait()
	return errors.Join(s.queue.unpin(waiting, s.spool), s.spool.syncNames())
}

// pinned is a block that waits, while State keeps it.
type pinned struct {
	*parcel
	content     *block
	write, sync bool // what State has to do
	err         error
}

// pin takes all blocks that wait; nobody uses their memory again before unpin.
func (q *queue) pin(state int) (out []*pinned) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.parcels {
		p.pinned, p.named = true, state
		out = append(out, &pinned{parcel: p, content: p.content, write: !p.filed, sync: p.filed && !p.synced})
	}
	return out
}

// unpin notes which files are there, and removes those of blocks that were
// delivered meanwhile. It answers what went wrong with the others.
func (q *queue) unpin(waiting []*pinned, s *spool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	var errs []error
	for _, w := range waiting {
		p := w.parcel
		p.pinned = false
		switch {
		case p.delivered && w.write && w.err == nil:
			p.named = 0 // the list leaves it out
			s.remove(p)
		case p.delivered:
		case w.err != nil:
			errs = append(errs, w.err)
		case s.dir != "":
			p.filed, p.synced = true, true
		}
	}
	return errors.Join(errs...)
}

// list writes the closed blocks that wait.
func (q *queue) list(e *encoder) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.uint(uint64(len(q.parcels)))
	for _, p := range q.parcels {
		e.uint(p.number)
		e.text(p.table.Name)
		e.uint(uint64(p.month))
		e.uint(uint64(p.rows))
		e.uint(uint64(p.bytes))
	}
}

// decodeState reads a state; none at all is a new one.
func decodeState(b []byte, tables []*schema.Table) (*kept, error) {
	k := &kept{pace: newPace()}
	if len(b) == 0 {
		return k, nil
	}
	d := decoder{b: b}
	if form := d.uint(); form != stateForm {
		return nil, fmt.Errorf("%w: form %d of state, this version reads %d", errMalformed, form, stateForm)
	}
	k.number = uint32(d.uint())
	k.pace.decode(&d, tables)
	for range d.count() {
		p := &parcel{number: d.uint(), doubtful: true, filed: true, synced: true, named: 1}
		name := d.text()
		if p.table = tableNamed(tables, name); p.table == nil && d.err == nil {
			return nil, unknownTable(name)
		}
		p.month, p.rows, p.bytes = int32(d.uint()), int(d.uint()), int64(d.uint())
		k.parcels = append(k.parcels, p)
	}
	for range d.count() {
		o, err := decodeBlock(&d, tables)
		if err != nil {
			return nil, err
		}
		if !o.isDeclared() {
			return nil, fmt.Errorf("the state has rows of table %s with other columns: start the former version once and let it deliver them", o.table.Name)
		}
		k.open = append(k.open, o)
	}
	if d.err != nil || len(d.b) > 0 {
		return nil, errMalformed
	}
	return k, nil
}

func (p *pace) encode(e *encoder) {
	order := slices.SortedFunc(maps.Keys(p.last), func(x, y partition) int {
		return cmp.Or(cmp.Compare(x.table.Name, y.table.Name), cmp.Compare(x.month, y.month))
	})
	e.uint(uint64(len(order)))
	for _, x := range order {
		e.text(x.table.Name)
		e.uint(uint64(x.month))
		e.uint(uint64(p.last[x]))
	}
}

func (p *pace) decode(d *decoder, tables []*schema.Table) {
	for range d.count() {
		name, month, at := d.text(), int32(d.uint()), int64(d.uint())
		if t := tableNamed(tables, name); t != nil {
			p.last[partition{t, month}] = at
		}
	}
}
