package pipeline

import (
	"cmp"
	"context"
	"slices"

	"touchstream/pipeline/event"
)

// sortedSource holds a bounded source that is read whole and ordered by event
// time. The order is stable.
type sortedSource struct {
	loaded bool
	pieces []*piece
	order  []sortedRow
	next   int
	// starts are the first record number of each piece, for dead letters.
	starts []uint32
	// slots and rows are, by piece, the copies of one cut.
	slots, rows [][]uint32
	// broken is why the source could not be read to its end; what was before it
	// goes first.
	broken error
}

type sortedRow struct {
	time  int64
	piece uint32
	row   uint32
}

// record finds a record by its number over all pieces.
func (s *sortedSource) record(i uint32) (*event.Origin, int64, int64, []byte) {
	k, found := slices.BinarySearch(s.starts, i)
	if !found {
		k--
	}
	return chunkRecords{s.pieces[k].chunk}.record(i - s.starts[k])
}

// gatherSorted gives the step the next share of a sorted source as one piece and
// returns whether there is more; on the first call it reads the source to its
// end.
func (in *input) gatherSorted(ctx context.Context, s *step, p *partition, sorted *sortedSource, share int) (more bool) {
	if !sorted.loaded && !in.loadSorted(ctx, s, p, sorted) {
		return false
	}
	n := min(share, len(sorted.order)-sorted.next)
	if n > 0 {
		x := in.takePiece(p)
		x.raw = sorted
		sorted.cut(x, n)
		s.pieces = append(s.pieces, x)
		s.sortedRows += n
		s.note(rangeRecord{partitionID: p.id(), kind: cutRange, n: n, at: event.Absent})
	}
	if sorted.next < len(sorted.order) {
		return true
	}
	p.state, in.broken = Ended, sorted.broken
	in.sorted[p.source] = nil // the pieces under way keep it as long as they need it
	return false
}

// loadSorted reads and decodes all of the source. Records are counted, and bad
// ones buried, in the step that loads them; after a restart that was before.
func (in *input) loadSorted(ctx context.Context, s *step, part *partition, sorted *sortedSource) bool {
	isAgain := part.sorted
	if isAgain {
		s, sorted.next = &step{}, part.skip
	}
	source := part.source
	src := &in.cfg.Sources[source]
	all := &step{}
	for k := range src.Source.Partitions() {
		p := &partition{source: source, index: k, highest: event.Absent}
		for p.state != Ended && in.broken == nil {
			in.read(ctx, all, p, chunkRecordsMax, true)
			if ctx.Err() != nil {
				return false
			}
		}
	}
	sorted.broken, in.broken = in.broken, nil
	load := loadDigest{started: in.started}
	for _, x := range all.pieces {
		load.add(x.chunk)
	}
	in.decodeLoaded(all.pieces, part)
	sorted.loaded, sorted.pieces = true, all.pieces
	records := uint32(0)
	for i, x := range all.pieces {
		sorted.starts = append(sorted.starts, records)
		records += uint32(len(x.chunk.Recs))
		for _, r := range x.rows {
			sorted.order = append(sorted.order, sortedRow{x.batch.Time(int(r)), uint32(i), r})
		}
		s.skipped += int64(x.batch.Skipped)
		if x.dead.N > 0 {
			y := in.takePiece(&partition{source: source})
			y.dead.Append(x.dead)
			s.pieces = append(s.pieces, y)
		}
	}
	slices.SortStableFunc(sorted.order, func(a, b sortedRow) int { return cmp.Compare(a.time, b.time) })
	load.order(sorted.order)
	if isAgain {
		in.broken = part.load.compare(src.Name, &load)
		return in.broken == nil
	}
	s.records += all.records
	s.bytes += all.bytes
	s.note(rangeRecord{partitionID: part.id(), kind: loadRange, n: all.records, at: event.Absent, load: load})
	part.sorted, part.load = true, load
	return true
}

// decodeLoaded decodes what was loaded. Which events are too far ahead of the
// start is decided by the start at which it was loaded first.
func (in *input) decodeLoaded(pieces []*piece, part *partition) {
	now := in.started
	if part.sorted {
		in.started = part.load.started
	}
	inParallel(len(in.workers), len(pieces), func(worker, i int) { in.workers[worker].decode(pieces[i]) })
	in.started = now
}

// cut copies the next n rows into the piece: those of one source piece
// together, each to its place in the order.
func (s *sortedSource) cut(x *piece, n int) {
	b := x.batch
	b.Grow(n)
	if s.slots == nil {
		s.slots, s.rows = make([][]uint32, len(s.pieces)), make([][]uint32, len(s.pieces))
	}
	for _, o := range s.order[s.next : s.next+n] {
		to := uint32(b.Add())
		x.rows = append(x.rows, to)
		s.slots[o.piece], s.rows[o.piece] = append(s.slots[o.piece], to), append(s.rows[o.piece], o.row)
	}
	for i, from := range s.pieces {
		if len(s.rows[i]) == 0 {
			continue
		}
		b.Source = from.batch.Source
		b.CopyRows(s.slots[i], from.batch, s.rows[i])
		for _, to := range s.slots[i] {
			b.Record[to] += s.starts[i]
		}
		s.slots[i], s.rows[i] = s.slots[i][:0], s.rows[i][:0]
	}
	s.next += n
}
