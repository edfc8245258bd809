package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/pipeline"
	"touchstream/pipeline/killpoint"
	"touchstream/pipeline/schema"
)

// workers is the number of inserts at the same time. On the server's machine
// one would do; six small blocks to one 10 ms away, which take 510 ms one by
// one, take 160 ms.
const workers = 4

// sender delivers released blocks in the background.
type sender struct {
	cfg        Config
	process    string // tells its queries from those of other processes
	conn       driver.Conn
	tables     []*schema.Table
	replicated map[string]bool // by table
	defaults   map[string]map[string]bool
	queue      *queue
	spool      *spool
	report     func(error)

	reporting sync.Mutex
	reported  bool // that delivery is held up

	cancel context.CancelFunc
	wg     sync.WaitGroup
	idle   connections
}

// connections are those that no insert uses. The one used last is used next: it
// has the memory that a block takes, and blocks that come one by one need no
// other.
type connections struct {
	mu   sync.Mutex
	list []*ch.Client
}

// take gives a connection, nil if there is none.
func (c *connections) take() *ch.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == 0 {
		return nil
	}
	last := c.list[len(c.list)-1]
	c.list = c.list[:len(c.list)-1]
	return last
}

func (c *connections) give(client *ch.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, client)
}

func (s *sender) start() {
	s.process = fmt.Sprintf("%016x", rand.Uint64())
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	for range workers {
		s.wg.Go(func() { s.work(ctx) })
	}
}

// stop breaks off what is under way and leaves it in doubt. Greetings with a
// server that does not answer cannot be broken off: stop waits for them until
// the context is done.
func (s *sender) stop(ctx context.Context) {
	if s.cancel != nil {
		s.cancel()
	}
	ended := make(chan struct{})
	go func() {
		s.wg.Wait()
		for c := s.idle.take(); c != nil; c = s.idle.take() {
			drop(c)
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// work delivers block by block.
func (s *sender) work(ctx context.Context) {
	for {
		p := s.queue.take(ctx)
		if p == nil {
			return
		}
		client := s.idle.take()
		reused := client != nil
		err := s.deliver(ctx, &client, p)
		if err != nil && reused && ctx.Err() == nil && !isAnswer(err) {
			// The server may have been away and back since the connection was last
			// used: a new one tells.
			drop(client)
			client = nil
			err = s.deliver(ctx, &client, p)
		}
		if err == nil && client != nil {
			s.idle.give(client)
		} else {
			drop(client)
		}
		if err != nil && ctx.Err() != nil {
			return
		}
		killpoint.Pass(killpoint.AcknowledgeBefore)
		s.finish(p, err)
		killpoint.Pass(killpoint.AcknowledgeAfter)
	}
}

// isAnswer reports whether an error is what the server says.
func isAnswer(err error) bool {
	_, _, ok := exception(err)
	return ok
}

// drop closes a connection. One that broke off in the middle cannot be used
// again, and why it failed to close does not matter.
func drop(c *ch.Client) {
	if c != nil {
		_ = c.Close()
	}
}

// deliver inserts a block, unless a former attempt turns out to have done it.
func (s *sender) deliver(ctx context.Context, client **ch.Client, p *parcel) error {
	if p.doubtful {
		done, err := s.settle(ctx, p)
		if err != nil || done {
			return err
		}
	}
	o := p.content
	if o == nil {
		var err error
		if o, err = s.spool.read(p.number, s.tables); err != nil {
			return fmt.Errorf("block %x with %d rows of table %s is lost: %w", p.number, p.rows, p.table.Name, err)
		}
	}
	if *client == nil {
		dialled, err := dial(ctx, &s.cfg)
		if err != nil {
			return err
		}
		*client = dialled
	}
	p.doubtful = true
	p.attempt++
	killpoint.Pass(killpoint.InsertBefore)
	err := s.insert(ctx, *client, p, o)
	killpoint.Pass(killpoint.InsertAfter)
	return err
}

// finish notes how an attempt ended, and reports what has changed by it.
func (s *sender) finish(p *parcel, err error) {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	var out outcome
	if err != nil {
		code, _, ok := exception(err)
		out = outcome{err: err, answer: ok, crowded: code == proto.ErrTooManyParts}
		if !errors.Is(err, pipeline.ErrDamaged) {
			out.err = explain(&s.cfg, err)
		}
	}
	filed, held := s.queue.finish(p, out)
	if filed {
		s.spool.remove(p)
	}
	if held != nil || s.reported {
		s.reported = held != nil
		s.report(held)
	}
}
