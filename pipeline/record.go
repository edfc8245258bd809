package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"touchstream/pipeline/event"
)

// entryFormat is the version of journal entries.
const entryFormat = 3

// entry is what the journal keeps of a commit: all that its steps and its
// sinks' cuts depended on, and digests of what came out.
type entry struct {
	number int64
	// clock is the wall clock of the commit in ms, started that of the start of
	// the process.
	clock, started int64
	// generation is that of the state, in seconds; run tells the numbers given
	// out by sinks from those before a loss in the journal.
	generation, run uint32
	version         string // of the binary
	plan            uint64 // digest of the configuration
	// settings are those of plan, in the first entry of a process.
	settings  []Setting
	all       bool // the cut let everything leave
	drain     bool // a bounded run's end, which is no part of the state
	steps     []stepRecord
	decisions []decision
}

// decision is what a sink decided at the commit's cut.
type decision struct {
	sink  string
	bytes []byte
}

// stepRecord is the part of an entry that one step takes.
type stepRecord struct {
	number int64
	// origins and partitions that the step was the first to know.
	origins []event.Origin
	found   []foundPartition
	ranges  []rangeRecord
	// watermarks after the step, by domain, with what they go on from.
	clocks [2]domainClock
	// oldest is the lowest watermark of any partition that counts.
	oldest int64
	// idle are the partitions that did not count after the step.
	idle   []partitionID
	digest stepDigest
}

// partitionID names a partition by its source's index and its own there.
type partitionID struct{ source, index int }

type foundPartition struct {
	partitionID
	at Position
}

// rangeRecord is one run of records of a partition, in the order of the step.
type rangeRecord struct {
	partitionID
	kind rangeKind
	// first and last are the offsets of the first and last of n records.
	first, last int64
	n           int
	// at is the time that records without a timestamp have in dead letters: it
	// may be another one when the file has grown since.
	at int64
	// load tells what a loadRange has loaded.
	load loadDigest
}

type rangeKind uint8

const (
	// readRange are records as the source gave them.
	readRange rangeKind = iota
	// loadRange is all of a sorted source; n counts its records.
	loadRange
	// cutRange are the next n rows of a sorted source.
	cutRange
)

// errOtherFormat: an entry is good, but another version has written it.
var errOtherFormat = errors.New("start the version that wrote it, stop it by SIGTERM, then start this one; or reset the state")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append encodes the entry, ending in a checksum.
func (e *entry) append(dst []byte) []byte {
	w := encoder{append(dst, entryFormat)}
	w.int(e.number)
	w.int(e.clock)
	w.int(e.started)
	w.uint(uint64(e.generation))
	w.uint(uint64(e.run))
	w.text(e.version)
	w.b = binary.LittleEndian.AppendUint64(w.b, e.plan)
	w.flag(e.all)
	w.flag(e.drain)
	w.uint(uint64(len(e.steps)))
	for i := range e.steps {
		e.steps[i].append(&w)
	}
	w.uint(uint64(len(e.decisions)))
	for _, d := range e.decisions {
		w.text(d.sink)
		w.bytes(d.bytes)
	}
	w.settings(e.settings)
	return binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b[len(dst):], castagnoli))
}

func (s *stepRecord) append(w *encoder) {
	w.int(s.number)
	w.origins(s.origins)
	w.uint(uint64(len(s.found)))
	for _, f := range s.found {
		w.partition(f.partitionID)
		w.position(f.at)
	}
	w.uint(uint64(len(s.ranges)))
	for _, r := range s.ranges {
		w.partition(r.partitionID)
		w.uint(uint64(r.kind))
		w.int(r.first)
		w.int(r.last - r.first)
		w.uint(uint64(r.n))
		w.time(r.at)
		if r.kind == loadRange {
			r.load.append(w)
		}
	}
	for _, c := range s.clocks {
		c.append(w)
	}
	w.int(s.oldest)
	w.uint(uint64(len(s.idle)))
	for _, p := range s.idle {
		w.partition(p)
	}
	s.digest.append(w)
}

func (d *domainClock) append(w *encoder) {
	w.int(d.at)
	w.int(d.quietAt)
	w.flag(d.wasQuiet)
}

// decodeEntry reads what append wrote.
func decodeEntry(b []byte) (*entry, error) {
	const sum = 4
	if len(b) < 1+sum {
		return nil, errors.New("journal entry: it is too short")
	}
	body := b[:len(b)-sum]
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(b[len(b)-sum:]); got != want {
		return nil, fmt.Errorf("journal entry: its checksum is %08x, not %08x", got, want)
	}
	if body[0] != entryFormat {
		return nil, fmt.Errorf("its format is %d, this version reads %d: %w", body[0], entryFormat, errOtherFormat)
	}
	r := decoder{b: body[1:]}
	e := &entry{number: r.int(), clock: r.int(), started: r.int(), generation: uint32(r.uint()), run: uint32(r.uint()), version: r.text()}
	e.plan, e.all, e.drain = r.fixed(), r.flag(), r.flag()
	for range r.count() {
		e.steps = append(e.steps, decodeStep(&r))
	}
	for range r.count() {
		e.decisions = append(e.decisions, decision{r.text(), slices.Clone(r.bytes())})
	}
	e.settings = r.settings()
	return e, r.end("journal entry")
}

func decodeStep(r *decoder) stepRecord {
	s := stepRecord{number: r.int()}
	s.origins = r.origins()
	for range r.count() {
		s.found = append(s.found, foundPartition{r.partition(), r.position()})
	}
	for range r.count() {
		x := rangeRecord{partitionID: r.partition(), kind: rangeKind(r.uint()), first: r.int()}
		x.last, x.n, x.at = x.first+r.int(), int(r.uint()), r.time()
		if x.kind == loadRange {
			x.load = decodeLoad(r)
		}
		s.ranges = append(s.ranges, x)
	}
	for i := range s.clocks {
		s.clocks[i] = decodeClock(r)
	}
	s.oldest = r.int()
	for range r.count() {
		s.idle = append(s.idle, r.partition())
	}
	s.digest = decodeDigest(r)
	return s
}

func decodeClock(r *decoder) domainClock {
	return domainClock{at: r.int(), quietAt: r.int(), wasQuiet: r.flag()}
}

// decisionOf is the decision of a sink, nil if it had no part in the commit.
func (e *entry) decisionOf(sink string) []byte {
	for _, d := range e.decisions {
		if d.sink == sink {
			return d.bytes
		}
	}
	return nil
}
