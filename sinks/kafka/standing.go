package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

const (
	// sessionMax is after how long brokers take an instance for dead that does
	// not answer: the least that they allow by default.
	sessionMax = 6 * time.Second
	heartbeat  = time.Second
)

// standing is an instance's place in the group of all instances of a pipeline.
// The one that is given the journal's partition is active. The group says who
// should write; that nobody else can is up to the transactional id.
type standing struct {
	conn         *kafkaconn.Conn
	group, topic string
	client       *kgo.Client
	lost         chan struct{} // closed when another instance has taken over

	mu      sync.Mutex
	holds   bool          // has the partition
	waits   bool          // was told that another one has it
	active  bool          // has had it, and acts on that
	isLost  bool          // lost is closed
	err     error         // of the group, not told yet
	changed chan struct{} // signals a change
}

func newStanding(conn *kafkaconn.Conn, group, topic string) *standing {
	return &standing{conn: conn, group: group, topic: topic, lost: make(chan struct{}), changed: make(chan struct{}, 1)}
}

// join joins the group.
func (s *standing) join(opts []kgo.Opt) error {
	if s.client != nil {
		return nil
	}
	update := func(f func(has bool)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			s.update(func() { f(len(partitions[s.topic]) > 0) })
		}
	}
	client, err := kgo.NewClient(append(opts[:len(opts):len(opts)],
		kgo.ConsumerGroup(s.group), kgo.ConsumeTopics(s.topic), kgo.DisableAutoCommit(),
		// A newcomer does not take the partition away from who has it.
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(sessionMax), kgo.HeartbeatInterval(heartbeat),
		kgo.OnPartitionsAssigned(update(s.assigned)), kgo.OnPartitionsRevoked(update(s.revoked)), kgo.OnPartitionsLost(update(s.dropped)),
		kgo.WithHooks(groupErrors{s}))...)
	if err != nil {
		return err
	}
	client.PauseFetchTopics(s.topic) // The group is all that counts.
	s.client = client
	return nil
}

func (s *standing) update(f func()) {
	s.mu.Lock()
	f()
	if s.isLost {
		select {
		case <-s.lost:
		default:
			close(s.lost)
		}
	}
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// assigned is told what a rebalance has added. The lock is held, here and below.
func (s *standing) assigned(has bool) {
	s.err = nil
	s.holds = s.holds || has
	s.waits = !s.holds
	s.isLost = s.isLost || s.active && !s.holds
}

// revoked is told what another instance is to have.
func (s *standing) revoked(has bool) {
	if has {
		s.holds = false
		s.isLost = s.isLost || s.active
	}
}

// dropped is told that the group does not know this member any more, which may
// be given the partition again once it has joined anew.
func (s *standing) dropped(bool) { s.holds = false }

// groupErrors keeps errors of the group.
type groupErrors struct{ s *standing }

func (g groupErrors) OnGroupManageError(err error) {
	g.s.update(func() { g.s.err = err })
}

// await waits until this instance has the partition; it calls standby once if
// another one has it.
func (s *standing) await(ctx context.Context, standby func()) error {
	told := false
	for {
		s.mu.Lock()
		holds, waits, err := s.holds, s.waits, s.err
		s.active, s.err = holds, nil
		s.mu.Unlock()
		if holds {
			return nil
		}
		if err != nil {
			// While another one has the partition, brokers may come and go.
			if err = explain(s.conn, s.topic, err); !pipeline.IsRetryable(err) || !waits {
				return err
			}
		}
		if waits && !told && standby != nil {
			told = true
			standby()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.changed:
		}
	}
}

// check returns an error once another instance has taken over.
func (s *standing) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isLost {
		return fmt.Errorf("%w: this instance, a member of group %s on %s, stops", pipeline.ErrFenced, s.group, s.conn.Address())
	}
	return nil
}

// confirm asks the brokers whether this instance is still the active one, and
// waits until that is clear.
func (s *standing) confirm(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	for {
		if err := s.check(); err != nil {
			return err
		}
		s.mu.Lock()
		holds := s.holds
		s.mu.Unlock()
		var err error
		if holds {
			if err = s.beat(within); err == nil || errors.Is(err, kerr.RebalanceInProgress) {
				return s.check()
			}
		}
		select {
		case <-within.Done():
			if err == nil {
				return pipeline.Retryable(fmt.Errorf("group %s on %s does not say yet which instance is active", s.group, s.conn.Address()))
			}
			return explain(s.conn, s.topic, err)
		case <-s.changed:
		case <-time.After(lookAgainAfter):
		}
	}
}

// beat sends a heartbeat; no error says that the group knows this member.
func (s *standing) beat(ctx context.Context) error {
	member, generation := s.client.GroupMetadata()
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.MemberID, r.Generation = s.group, member, generation
	response, err := r.RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(response.ErrorCode)
}

// leave leaves the group, so that another instance is active at once.
func (s *standing) leave() {
	if s.client == nil {
		return
	}
	s.update(func() { s.active = false })
	ctx, cancel := context.WithTimeout(context.Background(), closeMax)
	defer cancel()
	// Who cannot be told finds out after sessionMax.
	_ = s.client.LeaveGroupContext(ctx)
	s.client.Close()
	s.client = nil
}
