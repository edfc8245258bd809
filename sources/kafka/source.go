package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/prefetch"
)

// Config says what is read; Declare declares its keys.
type Config = kafkaconn.Input

// refreshEvery is how often new partitions are looked for.
const refreshEvery = 10 * time.Second

// Source is a pipeline.Marker, whose mark is the cluster's id, and a
// pipeline.LagKeeper.
type Source struct {
	cfg          *Config
	opts         []kgo.Opt
	resume       map[topicPartition]int64
	order        []topicPartition // the partitions of resume, by number
	lag          *kafkaconn.Lag[pipeline.Position]
	cluster      kafkaconn.Cluster
	refreshEvery time.Duration

	client *kgo.Client
	admin  *kadm.Client
	unpack kgo.Decompressor
	// unpackedMax bounds what a batch may unpack to.
	unpackedMax int
	pools       pools
	bounded     bool
	refresh     chan struct{}
	stop        context.CancelFunc
	running     sync.WaitGroup

	// buffer's lock guards what follows, and the partitions.
	buffer *prefetch.Buffer
	parts  []*partition
	byName map[topicPartition]*partition
	topics map[string]kadm.TopicID
	names  map[kadm.TopicID]string
	loops  map[int32]bool // brokers that have a fetch loop
	turn   int            // rotates the partitions of requests
}

// topicPartition names a partition.
type topicPartition struct {
	topic  string
	number int32
}

// partition is a partition with what its fetching needs to know.
type partition struct {
	*prefetch.Partition
	leader   int32
	began    int64 // where its reading began
	inFlight bool  // a request that includes it is under way
	fresh    bool  // nothing was fetched yet, from a start that is no position
	lost     bool  // its start must be listed anew
	badReads int
}

// New makes a source. Nothing is connected yet; an error is one of the
// configuration.
func New(cfg *Config) (*Source, error) {
	opts, err := options(&cfg.Conn)
	if err != nil {
		return nil, err
	}
	return &Source{cfg: cfg, opts: opts, refreshEvery: refreshEvery, buffer: prefetch.New(), lag: kafkaconn.NewLag[pipeline.Position](cfg.Group)}, nil
}

// Resume makes Open go on at positions instead of at start: partition i is that
// of positions[i]. Partitions that are not among them come behind and are read
// from their first record.
func (s *Source) Resume(positions []pipeline.Position) {
	s.resume, s.order = make(map[topicPartition]int64, len(positions)), nil
	for _, p := range positions {
		name := topicPartition{p.Topic, p.Partition}
		s.resume[name] = p.Offset
		s.order = append(s.order, name)
	}
}

// Mark is the id of the cluster that is read.
func (s *Source) Mark() []byte { return s.cluster.Mark() }

// Expect gives the id of the cluster that was read before.
func (s *Source) Expect(mark []byte) { s.cluster.Expect(mark) }

// Open connects, finds the partitions and starts to fetch.
func (s *Source) Open(ctx context.Context, bounded bool) error {
	client, err := kgo.NewClient(append(s.opts, kgo.WithPools(&s.pools))...)
	if err != nil {
		return err
	}
	s.client, s.admin, s.bounded = client, kadm.NewClient(client), bounded
	s.decompressors(client)
	s.refresh, s.buffer = make(chan struct{}, 1), prefetch.New()
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
	if s.lag.IsWanted() {
		s.running.Go(func() { s.lag.Run(background, s.commit) })
	}
	s.buffer.Lock()
	defer s.buffer.Unlock()
	s.startLoops(background)
	return nil
}

// Partitions is the number of partitions known so far.
func (s *Source) Partitions() int { return s.buffer.Len() }

// Origins are the partitions known so far, by topic and number.
func (s *Source) Origins() []event.Origin { return s.buffer.Origins() }

// Positions tells where the reading of each partition known so far began.
func (s *Source) Positions() []pipeline.Position {
	s.buffer.Lock()
	defer s.buffer.Unlock()
	out := make([]pipeline.Position, len(s.parts))
	for i, p := range s.parts {
		out[i] = pipeline.Position{Topic: p.Topic, Partition: p.Number, Offset: p.began}
	}
	return out
}

// Ready signals that a Read may bring records.
func (s *Source) Ready() <-chan struct{} { return s.buffer.Ready() }

// Lag is the number of offsets between what was handed over and the ends.
func (s *Source) Lag() int64 { return s.buffer.Lag() }

// Read hands over records of a partition.
func (s *Source) Read(ctx context.Context, i, limit int, wait bool, c *event.Chunk) (pipeline.ReadState, error) {
	state, err := s.buffer.Read(ctx, i, limit, wait, c)
	return pipeline.ReadState(state), err
}

// Close stops fetching and disconnects.
func (s *Source) Close() error {
	if s.stop == nil {
		return nil
	}
	s.buffer.Close()
	s.stop()
	s.running.Wait()
	s.client.Close()
	return nil
}

var (
	_ pipeline.Marker    = (*Source)(nil)
	_ pipeline.LagKeeper = (*Source)(nil)
)
