package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// load is what goes into the topics, and how far that has come.
type load struct {
	messages []message
	closing  []message // one for each partition, behind all others
	loaded   chan struct{}
	hurried  chan struct{}
	hurry    func() // closes hurried
}

func newLoad(messages, closing []message) *load {
	l := &load{messages: messages, closing: closing, hurried: make(chan struct{})}
	l.hurry = sync.OnceFunc(func() { close(l.hurried) })
	return l
}

// Load begins to write the load, so many records a second, or 0 for as fast as
// possible. At a rate it keeps at most a second ahead of what the pipeline has
// read: what is left for the next fault depends on what the pipeline has done,
// and not on how fast the machine is. Finish has the rest written at once.
func (r *Run) Load(perSecond int) {
	r.t.Helper()
	l := r.load
	l.loaded = make(chan struct{})
	if perSecond == 0 {
		l.hurry()
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	r.t.Cleanup(func() {
		cancel()
		<-l.loaded
	})
	go func() {
		defer close(l.loaded)
		if err := r.produce(ctx, perSecond); err != nil && ctx.Err() == nil {
			r.t.Error(err)
		}
	}()
}

// Loading tells whether the load is still being written.
func (r *Run) Loading() bool {
	select {
	case <-r.load.loaded:
		return false
	default:
		return true
	}
}

// produce writes the load and returns when the broker has all of it. It
// outlasts a broker that is away.
func (r *Run) produce(ctx context.Context, perSecond int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.Kafka.Brokers()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(2*time.Millisecond), kgo.ProducerBatchMaxBytes(32<<20), kgo.DialTimeout(2*time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	var first error
	done := func(_ *kgo.Record, err error) {
		if first == nil && err != nil { // promises run one after another
			first = err
		}
	}
	topics := r.config.Topics
	write := func(m *message) {
		client.Produce(ctx, &kgo.Record{Topic: topics[m.topic], Partition: m.partition, Timestamp: m.at, Value: m.value}, done)
	}
	due := time.Now()
	for i := range r.load.messages {
		if due, err = r.pace(ctx, due, i, perSecond); err != nil {
			return err
		}
		write(&r.load.messages[i])
	}
	// The closing events come last, whatever the partition.
	if err := client.Flush(ctx); err != nil {
		return err
	}
	for i := range r.load.closing {
		write(&r.load.closing[i])
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	if first != nil {
		return fmt.Errorf("load to %s: %w", strings.Join(topics, ", "), first)
	}
	return nil
}

// pace waits until the next record is due, of which n were written before, and
// returns when the one behind it is.
func (r *Run) pace(ctx context.Context, due time.Time, n, perSecond int) (time.Time, error) {
	for {
		wait := time.Until(due)
		if wait <= 0 && perSecond > 0 && int64(n) >= r.read.Load()+int64(perSecond) {
			wait = 20 * time.Millisecond
		}
		if wait < 2*time.Millisecond { // what a timer can do
			break
		}
		select {
		case <-ctx.Done():
			return due, ctx.Err()
		case <-r.load.hurried:
			return due, nil
		case <-time.After(wait):
		}
	}
	if perSecond == 0 {
		return due, nil
	}
	// What was missed while the pipeline was away is not made up for.
	if late := time.Now().Add(-100 * time.Millisecond); due.Before(late) {
		due = late
	}
	return due.Add(time.Second / time.Duration(perSecond)), nil
}

// checkLoad ends the test unless the topics hold the load, in its order:
// otherwise it is not the pipeline that is at fault. A record may come again
// behind its first place: a broker that was killed forgets producers whose
// records bear times of long ago, and takes what one sends again. The oracle
// reads what the topics really hold.
func (r *Run) checkLoad(ctx context.Context) {
	r.t.Helper()
	type partition struct{ topic, partition int }
	want := map[partition][][]byte{}
	for _, m := range slices.Concat(r.load.messages, r.load.closing) {
		p := partition{m.topic, int(m.partition)}
		want[p] = append(want[p], m.value)
	}
	again := 0
	for i, topic := range r.config.Topics {
		records, err := readCommitted(ctx, r.Kafka.Brokers(), topic)
		if err != nil {
			r.t.Fatal(err)
		}
		known := map[string]bool{}
		for _, got := range records {
			p := partition{i, got.partition}
			switch {
			case len(want[p]) > 0 && bytes.Equal(want[p][0], got.value):
				want[p] = want[p][1:]
				known[string(got.value)] = true
			case known[string(got.value)]:
				again++
			default:
				r.t.Fatalf("%s is not what the load has there: %.300s", got.position(), got.value)
			}
		}
	}
	for p, rest := range want {
		if len(rest) > 0 {
			r.t.Fatalf("%s/%d lacks the last %d records of the load", r.config.Topics[p.topic], p.partition, len(rest))
		}
	}
	if again > 0 {
		r.t.Logf("the broker holds %d records of the load again", again)
	}
}
