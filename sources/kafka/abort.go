package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// aborted are the aborted transactions that an answer touches: for each
// producer the first offsets of those whose marker is still to come,
// ascending. A producer has one transaction at a time, so its records from the
// first of these offsets up to the next marker of an abortion are void (KIP-98).
type aborted map[int64][]int64

func newAborted(list []kmsg.FetchResponseTopicPartitionAbortedTransaction) aborted {
	if len(list) == 0 {
		return nil
	}
	a := aborted{}
	for _, t := range list {
		a[t.ProducerID] = append(a[t.ProducerID], t.FirstOffset)
	}
	for _, firsts := range a {
		slices.Sort(firsts) // not every broker keeps them in order
	}
	return a
}

// has reports whether a batch belongs to an aborted transaction.
func (a aborted) has(b *batch) bool {
	if b.attributes&transactionalBit == 0 {
		return false
	}
	firsts := a[b.producer]
	return len(firsts) > 0 && b.first >= firsts[0]
}

// end takes note of a marker, the only record of a control batch, by its key:
// a version and a type of 2 bytes each.
func (a aborted) end(b *batch, key []byte) {
	if len(key) >= 4 && key[2] == 0 && key[3] == markerOfAbortion && a.has(b) {
		a[b.producer] = a[b.producer][1:]
	}
}
