package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

// transactionMax is after how long a broker aborts a transaction by itself.
const transactionMax = 30 * time.Second

// closeMax bounds what Close does for a transaction that is open.
const closeMax = 3 * time.Second

// Ledger is a pipeline.Journal on a topic of one partition. An entry is written
// in one transaction with the messages that sinks made by NewInLedger have for
// the commit.
type Ledger struct {
	conn     *kafkaconn.Conn
	name     string // the transactional id
	topic    string
	create   bool
	instance string // tells entries of this process from those of others
	opts     []kgo.Opt
	timeout  time.Duration // of a transaction

	client   *kgo.Client // for all but transactions and the group
	admin    *kadm.Client
	cluster  string // its id
	standing *standing

	// journal guards what follows; it is held while an entry is written.
	journal sync.Mutex
	last    place   // of the newest entry that is whole
	end     place   // of the newest record, by which a takeover is noticed
	index   []place // of the entries that are there, in order
	repair  bool    // the next entry follows one that is damaged
	gap     int64   // from where Read was asked to read
	// generation is that of the newest reset.
	generation uint32

	// mu is held for moments; it guards what follows.
	mu       sync.Mutex
	producer *kgo.Client // nil: not open, or what it did last is in doubt
	tx       *transaction
	open     *parcel   // of the commit that Cut has not ended
	cut      []*parcel // by rising numbers
	live     bool      // past what is replayed
	// restUntil is when messages may be sent again that no commit waits for.
	restUntil time.Time
	limits    map[string]int32
}

// place is where an entry is, and whose it is.
type place struct {
	number   int64
	offset   int64
	instance string
}

// NewLedger makes the journal of the pipeline of a name: topic name.journal,
// created when it is missing if create says so. Nothing is connected yet; an
// error is one of the configuration.
func NewLedger(conn *kafkaconn.Conn, name string, create bool) (*Ledger, error) {
	opts, err := options(conn)
	if err != nil {
		return nil, err
	}
	topic := name + ".journal"
	return &Ledger{
		conn: conn, name: name, topic: topic, standing: newStanding(conn, name+".active", topic), create: create, instance: uuid.NewString(), opts: opts, timeout: transactionMax,
		open: &parcel{}, limits: map[string]int32{},
	}, nil
}

// Open waits until this instance is the active one, and takes the journal over:
// whoever wrote to it before cannot any more, and what he had not committed is
// gone. It calls standby when another instance is active.
func (l *Ledger) Open(ctx context.Context, standby func()) error {
	l.journal.Lock()
	defer l.journal.Unlock()
	if err := l.connect(ctx); err != nil {
		return err
	}
	if err := l.standing.join(l.opts); err != nil {
		return err
	}
	if err := l.standing.await(ctx, standby); err != nil {
		return err
	}
	end, err := l.takeOver(ctx)
	if err != nil {
		return err
	}
	l.last, l.end, l.generation = end.place, end.place, end.generation
	return l.finishReset(ctx, end)
}

// Lost is closed when another instance has taken over.
func (l *Ledger) Lost() <-chan struct{} { return l.standing.lost }

// Confirm asks the group whether this instance is still the active one.
func (l *Ledger) Confirm(ctx context.Context) error { return l.standing.confirm(ctx) }

// connect makes the client and the topic.
func (l *Ledger) connect(ctx context.Context) error {
	if l.client != nil {
		return nil
	}
	client, err := kgo.NewClient(l.opts...)
	if err != nil {
		return err
	}
	l.client, l.admin = client, kadm.NewClient(client)
	if err := l.ensureTopic(ctx); err != nil {
		client.Close()
		l.client = nil
		return err
	}
	return nil
}

// takeOver makes a producer and looks where the journal ends.
func (l *Ledger) takeOver(ctx context.Context) (end head, err error) {
	producer, err := l.newProducer(ctx)
	if err != nil {
		return end, err
	}
	if end, err = l.readEnd(ctx); err != nil {
		producer.Close()
		return end, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.producer = producer
	return end, nil
}

// newProducer makes a client for transactions. All that its predecessors had
// begun is ended when it returns, and they are locked out.
func (l *Ledger) newProducer(ctx context.Context) (*kgo.Client, error) {
	producer, err := kgo.NewClient(append(l.opts[:len(l.opts):len(l.opts)],
		kgo.TransactionalID(l.name), kgo.TransactionTimeout(l.timeout), kgo.ProducerBatchMaxBytesFn(l.limit))...)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	if _, _, err := producer.ProducerID(within); err != nil {
		producer.Close()
		return nil, explain(l.conn, l.topic, err)
	}
	return producer, nil
}

// limit is the size of the largest batch for a topic.
func (l *Ledger) limit(topic string) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.limits[topic]; ok {
		return n
	}
	return messageBytesDefault
}

func (l *Ledger) setLimit(topic string, n int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits[topic] = n
}

// Close aborts the transaction that is open and lets another instance take over
// at once.
func (l *Ledger) Close() error {
	l.journal.Lock()
	defer l.journal.Unlock()
	if l.client == nil {
		return nil
	}
	l.mu.Lock()
	producer, tx := l.producer, l.tx
	l.producer, l.tx = nil, nil
	l.mu.Unlock()
	var err error
	if producer != nil {
		if tx != nil {
			ctx, cancel := context.WithTimeout(context.Background(), closeMax)
			err = errors.Join(producer.AbortBufferedRecords(ctx), producer.EndTransaction(ctx, kgo.TryAbort))
			cancel()
		}
		producer.Close()
	}
	l.standing.leave()
	l.client.Close()
	l.client = nil
	if err != nil {
		return fmt.Errorf("the open transaction of %s on %s was not aborted; it ends after %v: %w", l.name, l.conn.Address(), transactionMax, err)
	}
	return nil
}

var _ pipeline.Journal = (*Ledger)(nil)
