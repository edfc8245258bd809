package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
)

// Config says what is read; Declare declares its keys.
type Config = kafkaconn.Input

const (
	// chunkBytes bounds the bytes of a chunk of more than one record.
	chunkBytes = 4 << 20
	// bufferBytes bounds what is fetched ahead, over all partitions; each has
	// an equal share within the bounds below, exceeded by one fetch at most.
	bufferBytes   = 64 << 20
	shareBytesMin = 256 << 10
	shareBytesMax = 16 << 20
	// refreshEvery is how often new partitions are looked for.
	refreshEvery = 10 * time.Second
)

// Source is a pipeline.Source.
type Source struct {
	cfg          *Config
	opts         []kgo.Opt
	resume       map[topicPartition]int64
	refreshEvery time.Duration

	client  *kgo.Client
	admin   *kadm.Client
	unpack  kgo.Decompressor
	bounded bool
	ready   chan struct{}
	refresh chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // room, records, leaders, errors, the end
	parts   []*partition
	byName  map[topicPartition]*partition
	topics  map[string]kadm.TopicID
	names   map[kadm.TopicID]string
	loops   map[int32]bool // brokers that have a fetch loop
	turn    int            // rotates the partitions of requests
	closed  bool
	err     error // of the whole source, for good
}

// New makes a source. Nothing is connected yet; an error is one of the
// configuration.
func New(cfg *Config) (*Source, error) {
	opts, err := options(&cfg.Conn)
	if err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, opts: opts, refreshEvery: refreshEvery, ready: make(chan struct{}, 1)}
	s.changed = sync.NewCond(&s.mu)
	return s, nil
}

// Resume makes Open go on at positions instead of at start. Partitions that
// are not among them are read from their first record.
func (s *Source) Resume(positions []pipeline.Position) {
	s.resume = make(map[topicPartition]int64, len(positions))
	for _, p := range positions {
		s.resume[topicPartition{p.Topic, p.Partition}] = p.Offset
	}
}

// Open connects, finds the partitions and starts to fetch.
func (s *Source) Open(ctx context.Context, bounded bool) error {
	client, err := kgo.NewClient(s.opts...)
	if err != nil {
		return err
	}
	s.client, s.admin, s.bounded = client, kadm.NewClient(client), bounded
	s.unpack, _ = client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	s.refresh = make(chan struct{}, 1)
	s.parts, s.byName, s.loops = nil, map[topicPartition]*partition{}, map[int32]bool{}
	s.topics, s.names = map[string]kadm.TopicID{}, map[kadm.TopicID]string{}
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	if err := s.findAll(within); err != nil {
		client.Close()
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.refreshLoop(background) })
	s.mu.Lock()
	s.startLoops(background)
	s.mu.Unlock()
	s.signal()
	return nil
}

// Partitions is the number of partitions known so far.
func (s *Source) Partitions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.parts)
}

// Ready signals that a Read may bring records.
func (s *Source) Ready() <-chan struct{} { return s.ready }

func (s *Source) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Lag is the number of offsets between what was handed over and the ends.
func (s *Source) Lag() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	lag, known := int64(0), false
	for _, p := range s.parts {
		if p.readable >= 0 {
			lag, known = lag+max(0, p.readable-max(p.readAt, s.passed(p))), true
		}
	}
	if !known {
		return -1
	}
	return lag
}

// passed is how far the partition is done: control and aborted records count
// as read once nothing is queued before them.
func (s *Source) passed(p *partition) int64 {
	if p.queuedRecs == 0 {
		return p.fetchAt
	}
	return p.readAt
}

var errClosed = errors.New("the source is closed")

// Read hands over records of a partition.
func (s *Source) Read(ctx context.Context, i, limit int, wait bool, c *event.Chunk) (pipeline.ReadState, error) {
	c.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.parts[i]
	if wait {
		wake := context.AfterFunc(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
		defer wake()
	}
	for p.offered() == 0 && !p.complete() {
		switch err := s.fault(p); {
		case err != nil:
			return pipeline.HasMore, err
		case wait && ctx.Err() != nil:
			return pipeline.HasMore, ctx.Err()
		case !wait:
			return s.state(p), nil
		}
		s.changed.Wait()
	}
	c.Origin.Topic, c.Origin.Partition = p.topic, p.number
	hadRoom := p.room(s.share())
	for left := min(limit, p.offered()); left > 0 && (len(c.Recs) == 0 || len(c.Data) < chunkBytes); {
		left -= p.take(left, c)
	}
	if !hadRoom && p.room(s.share()) {
		s.changed.Broadcast()
	}
	return s.state(p), nil
}

// fault is why a partition brings nothing.
func (s *Source) fault(p *partition) error {
	switch {
	case s.closed:
		return errClosed
	case s.err != nil:
		return s.err
	}
	return p.err
}

func (s *Source) state(p *partition) pipeline.ReadState {
	switch {
	case p.queuedRecs > 0:
		return pipeline.HasMore
	case p.complete():
		return pipeline.Ended
	case p.caughtUp:
		return pipeline.CaughtUp
	}
	return pipeline.HasMore
}

// share is how many bytes a partition may have queued.
func (s *Source) share() int {
	return min(max(bufferBytes/max(1, len(s.parts)), shareBytesMin), shareBytesMax)
}

// Close stops fetching and disconnects.
func (s *Source) Close() error {
	if s.stop == nil {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
	s.client.Close()
	return nil
}
