package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
)

const (
	// lookAgainAfter is how long to wait for brokers to finish what they told.
	lookAgainAfter = 50 * time.Millisecond
	// lookBack is how many offsets before the end the newest entry is looked
	// for at first.
	lookBack = 16
)

// ensureTopic creates the topic if need be and sees to it that it has one
// partition.
func (l *Ledger) ensureTopic(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	forever, policy := "-1", "delete"
	settings := map[string]*string{"cleanup.policy": &policy, "retention.ms": &forever, "retention.bytes": &forever}
	if err := ensureTopic(within, l.conn, l.admin, l.topic, l.create, 1, settings); err != nil {
		return err
	}
	for {
		meta, err := l.admin.Metadata(within, l.topic)
		if err == nil {
			err = meta.Topics[l.topic].Err
		}
		switch n := len(meta.Topics[l.topic].Partitions); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			// Not every broker knows it yet.
		case err != nil:
			return explain(l.conn, l.topic, err)
		case n != 1:
			return l.wrongPartitions(n)
		case meta.Topics[l.topic].Partitions[0].Leader >= 0:
			l.cluster = meta.Cluster
			return nil
		}
		select {
		case <-within.Done():
			return pipeline.Retryable(fmt.Errorf("topic %s on %s has no leader: check the brokers", l.topic, l.conn.Address()))
		case <-time.After(lookAgainAfter):
		}
	}
}

func (l *Ledger) wrongPartitions(n int) error {
	return fmt.Errorf("topic %s on %s has %d partitions: a journal has one; delete the topic, or choose another name for the pipeline", l.topic, l.conn.Address(), n)
}

// bounds are the offsets between which records are. It waits until no
// transaction is open: those of predecessors end when they are locked out.
func (l *Ledger) bounds(ctx context.Context) (first, behind int64, err error) {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	offset := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) (at int64) {
		if err != nil {
			return 0
		}
		var listed kadm.ListedOffsets
		if listed, err = list(within, l.topic); err == nil {
			err = listed.Error()
		}
		o, _ := listed.Lookup(l.topic, 0)
		return o.Offset
	}
	for {
		first = offset(l.admin.ListStartOffsets)
		end := offset(l.admin.ListEndOffsets)
		behind = offset(l.admin.ListCommittedOffsets)
		if err != nil {
			return 0, 0, explain(l.conn, l.topic, err)
		}
		if behind >= end {
			return first, behind, nil
		}
		select {
		case <-within.Done():
			return 0, 0, pipeline.Retryable(fmt.Errorf("topic %s on %s has an open transaction at offset %d: who else writes to it?", l.topic, l.conn.Address(), behind))
		case <-time.After(lookAgainAfter):
		}
	}
}

// scan calls f with the committed records between two offsets.
func (l *Ledger) scan(ctx context.Context, from, to int64, f func(*kgo.Record) error) error {
	if from >= to {
		return nil
	}
	reader, err := kgo.NewClient(append(l.opts[:len(l.opts):len(l.opts)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: {0: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		within, cancel := context.WithTimeout(ctx, answerMax)
		fetches := reader.PollRecords(within, 0)
		cancel()
		if err := fetches.Err(); err != nil {
			return explain(l.conn, l.topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if r.Offset >= to {
				return nil
			}
			if !r.Attrs.IsControl() {
				if err := f(r); err != nil {
					return err
				}
			}
			if r.Offset == to-1 {
				return nil
			}
		}
	}
}

// readEnd finds the newest record; it is zero if there is none.
func (l *Ledger) readEnd(ctx context.Context) (end head, err error) {
	first, behind, err := l.bounds(ctx)
	if err != nil {
		return end, err
	}
	for back, found := int64(lookBack), false; !found; back *= lookBack {
		from := max(first, behind-back)
		err := l.scan(ctx, from, behind, func(r *kgo.Record) error {
			// Read says what is wrong with those that are damaged.
			if h, err := parseHead(r); err == nil {
				found, end = true, h
			}
			return nil
		})
		if err != nil {
			return end, err
		}
		if from == first {
			break
		}
	}
	return end, nil
}

// Read calls f with the entries from number first on. It looks at all that are
// there, which are those behind the older of two snapshots.
func (l *Ledger) Read(ctx context.Context, first int64, f func(number int64, entry []byte) error) (damage, err error) {
	l.journal.Lock()
	defer l.journal.Unlock()
	from, to, err := l.bounds(ctx)
	if err != nil {
		return nil, err
	}
	l.index = l.index[:0]
	a := assembler{first: first}
	err = l.scan(ctx, from, to, func(r *kgo.Record) error {
		at, entry, ok := a.add(r)
		if !ok {
			return nil
		}
		l.index = append(l.index, at)
		if at.number < first {
			return nil
		}
		return f(at.number, entry)
	})
	if err != nil {
		return nil, err
	}
	l.last, l.end, l.gap = a.last, a.end, first
	l.repair = a.damage != nil || a.last.number > 0 && first > a.last.number
	if a.damage != nil {
		damage = fmt.Errorf("topic %s partition 0 on %s: %w; nobody but pipeline %s may write there: if another program did, take that right from it", l.topic, l.conn.Address(), a.damage, strings.TrimSuffix(l.topic, ".journal"))
	}
	return damage, nil
}

// assembler makes entries of records.
type assembler struct {
	first  int64 // the number from which on none may be missing
	last   place // the newest entry
	end    place // the newest record
	damage error // why none follows it
	begun  place // of an entry of several parts
	next   int   // the part that is expected
	bytes  []byte
}

// add takes a record; ok says that an entry is complete. After damage all is
// left out up to an entry that repairs it.
func (a *assembler) add(r *kgo.Record) (at place, entry []byte, ok bool) {
	h, err := parseHead(r)
	if err == nil {
		a.end = h.place
	}
	switch {
	case err != nil:
	case h.isMark():
		a.last, a.damage, a.next = h.place, nil, 0
		return at, nil, false
	case h.part != a.next || h.part > 0 && h.number != a.begun.number:
		err = fmt.Errorf("the record at offset %d is part %d of commit %d, part %d is expected", r.Offset, h.part, h.number, a.next)
	case !a.follows(&h):
		err = fmt.Errorf("commit %d at offset %d does not follow commit %d", h.number, r.Offset, a.last.number)
	case a.damage != nil && !h.repairs:
		err = a.damage
	}
	if err != nil {
		if a.damage == nil {
			a.damage = err
		}
		a.next = 0
		return at, nil, false
	}
	if h.part == 0 {
		a.begun, a.bytes = h.place, a.bytes[:0]
	}
	a.bytes, a.next = append(a.bytes, r.Value...), h.part+1
	if a.next < h.parts {
		return at, nil, false
	}
	a.last, a.damage, a.next = a.begun, nil, 0
	return a.begun, bytes.Clone(a.bytes), true
}

// follows reports whether an entry may come behind the last one. One that
// repairs may leave out numbers that nobody wants any more.
func (a *assembler) follows(h *head) bool {
	next := a.last.number + 1
	return a.last.number == 0 || h.number == next || h.repairs && h.number > next && next <= a.first
}

// Trim deletes the records of entries below a number.
func (l *Ledger) Trim(ctx context.Context, below int64) error {
	l.journal.Lock()
	defer l.journal.Unlock()
	i, _ := slices.BinarySearchFunc(l.index, below, func(p place, number int64) int { return int(p.number - number) })
	if i == 0 || i == len(l.index) {
		return nil // The newest entry stays: it tells where the journal ends.
	}
	if err := l.deleteBefore(ctx, l.index[i].offset); err != nil {
		return err
	}
	l.index = slices.Delete(l.index, 0, i)
	return nil
}

func (l *Ledger) deleteBefore(ctx context.Context, offset int64) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	offsets := kadm.Offsets{}
	offsets.AddOffset(l.topic, 0, offset, -1)
	responses, err := l.admin.DeleteRecords(within, offsets)
	if err == nil {
		err = responses.Error()
	}
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return fmt.Errorf("%s does not let this client delete records of topic %s that are not needed any more: grant DELETE on it (%w)", l.conn.Address(), l.topic, err)
	}
	if err != nil {
		return explain(l.conn, l.topic, err)
	}
	return nil
}
