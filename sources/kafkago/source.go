package kafkago

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

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
	resume       map[topicPartition]int64
	order        []topicPartition // the partitions of resume, by number
	lag          *kafkaconn.Lag[pipeline.Position]
	cluster      kafkaconn.Cluster
	refreshEvery time.Duration

	transport *kafka.Transport
	client    *kafka.Client
	stop      context.CancelFunc
	running   sync.WaitGroup
	buffer    *prefetch.Buffer
	known     map[topicPartition]bool // guarded by the buffer's lock once opened, as is
	began     []pipeline.Position     // where the reading of each partition began
}

// topicPartition names a partition.
type topicPartition struct {
	topic  string
	number int32
}

// New makes a source. Nothing is connected yet; an error is one of the
// configuration.
func New(cfg *Config) (*Source, error) {
	if cfg.Committed {
		return nil, errors.New("kafka-go does not leave out the records of aborted transactions: set isolation: read_uncommitted to take them, or driver: franz-go")
	}
	t, err := transport(cfg)
	if err != nil {
		return nil, err
	}
	return &Source{
		cfg: cfg, refreshEvery: refreshEvery, transport: t, buffer: prefetch.New(),
		lag:    kafkaconn.NewLag[pipeline.Position](cfg.Group),
		client: &kafka.Client{Addr: addresses(cfg.Brokers), Timeout: answerMax, Transport: t},
	}, nil
}

const defaultPort = "9092"

func addresses(brokers []string) net.Addr {
	var list []string
	for _, b := range brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			b = net.JoinHostPort(b, defaultPort)
		}
		list = append(list, b)
	}
	return kafka.TCP(list...)
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
	s.buffer, s.known, s.began = prefetch.New(), map[topicPartition]bool{}, nil
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	found, err := s.find(within)
	if err != nil {
		return err
	}
	if found, err = s.inOrder(found); err != nil {
		return err
	}
	list, err := s.list(within, found)
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.buffer.Lock()
	defer s.buffer.Unlock()
	for _, name := range found {
		o := list[name]
		at, err := s.start(name, o)
		if err != nil {
			stop()
			return err
		}
		end := int64(prefetch.NoEnd)
		if bounded {
			end = o.last
		}
		_, resumed := s.resume[name]
		s.begin(background, name, at, end, !resumed)
	}
	s.stop = stop
	if s.lag.IsWanted() {
		s.running.Go(func() { s.lag.Run(background, s.commit) })
	}
	if !bounded {
		s.running.Go(func() { s.refreshLoop(background) })
	}
	return nil
}

// start is where a partition's reading starts.
func (s *Source) start(name topicPartition, o bounds) (int64, error) {
	at, resumed := s.resume[name]
	switch {
	case resumed && (at < o.first || at > o.last):
		return 0, gone(name, at, o)
	case resumed:
		return at, nil
	case s.resume != nil || s.cfg.Start.Where == kafkaconn.Earliest:
		return o.first, nil
	case s.cfg.Start.Where == kafkaconn.AtTime && o.atTime >= 0:
		return o.atTime, nil
	}
	return o.last, nil
}

// gone says that an offset is not in the log.
func gone(p topicPartition, at int64, o bounds) error {
	if at < o.first {
		return fmt.Errorf("topic %s partition %d: offset %d is gone, the log begins at %d: the records between were deleted before they were read; raise the topic's retention, and reset the state to go on without them",
			p.topic, p.number, at, o.first)
	}
	return fmt.Errorf("topic %s partition %d: offset %d is not there, the log ends at %d: the topic was cut or created anew; reset the state to read it from start",
		p.topic, p.number, at, o.last)
}

// begin adds a partition and starts to fetch it. The buffer's lock is held.
func (s *Source) begin(ctx context.Context, name topicPartition, at, end int64, fresh bool) {
	p := s.buffer.Add(name.topic, name.number, at, end)
	s.known[name] = true
	s.began = append(s.began, pipeline.Position{Topic: name.topic, Partition: name.number, Offset: at})
	s.running.Go(func() { s.fetchLoop(ctx, p, fresh) })
}

// moved notes that a partition's reading began elsewhere. The buffer's lock is
// held.
func (s *Source) moved(name topicPartition, at int64) {
	for i, p := range s.began {
		if p.Topic == name.topic && p.Partition == name.number {
			s.began[i].Offset = at
		}
	}
}

// Partitions is the number of partitions known so far.
func (s *Source) Partitions() int { return s.buffer.Len() }

// Origins are the partitions known so far, by topic and number.
func (s *Source) Origins() []event.Origin { return s.buffer.Origins() }

// Positions tells where the reading of each partition known so far began.
func (s *Source) Positions() []pipeline.Position {
	s.buffer.Lock()
	defer s.buffer.Unlock()
	return slices.Clone(s.began)
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
	s.transport.CloseIdleConnections()
	return nil
}

var (
	_ pipeline.Marker    = (*Source)(nil)
	_ pipeline.LagKeeper = (*Source)(nil)
)
