package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

// rig is a pipeline of a test: a ledger with a sink in it.
type rig struct {
	t       *testing.T
	brokers []string
	cfg     *Config
	ledger  *Ledger
	sink    *Sink
	next    int64
}

func newRig(t *testing.T, brokers []string, name string) *rig {
	t.Helper()
	cfg := &Config{Conn: kafkaconn.Conn{Brokers: brokers}, Topic: name + ".triggers", DeadLetters: name + ".dead", Create: true, Name: name}
	r := &rig{t: t, brokers: brokers, cfg: cfg, next: 1}
	var err error
	if r.ledger, err = NewLedger(&cfg.Conn, name, true); err != nil {
		t.Fatal(err)
	}
	if r.sink, err = NewInLedger(cfg, r.ledger); err != nil {
		t.Fatal(err)
	}
	return r
}

// start opens both and replays what the journal has; it returns that.
func (r *rig) start() (replayed []string) {
	t := r.t
	t.Helper()
	err := r.ledger.Open(deadline(t), func() {})
	for pipeline.IsRetryable(err) {
		err = r.ledger.Open(deadline(t), func() {})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close() })
	if err := r.sink.Open(deadline(t), &pipeline.Opening{Tables: r.cfg.Tables()}); err != nil {
		t.Fatal(err)
	}
	damage, err := r.ledger.Read(deadline(t), 1, func(number int64, entry []byte) error {
		replayed = append(replayed, fmt.Sprint(number, "=", string(entry)))
		r.next = number + 1
		return nil
	})
	if damage != nil || err != nil {
		t.Fatal(damage, err)
	}
	return replayed
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.sink.Close(context.Background()); err != nil {
		r.t.Error(err)
	}
	if err := r.ledger.Close(); err != nil {
		r.t.Error(err)
	}
}

// write hands triggers to the sink.
func (r *rig) write(list ...string) {
	r.t.Helper()
	var rows []trigger
	for _, id := range list {
		rows = append(rows, trigger{id, "p1", "", ""})
	}
	write(r.t, r.sink, triggerRows(rows...), deadRows())
}

func (r *rig) cut() int64 {
	r.t.Helper()
	number := r.next
	r.next++
	if _, err := r.sink.Cut(deadline(r.t), &pipeline.Cut{Number: number}); err != nil {
		r.t.Fatal(err)
	}
	return number
}

// insist commits as the engine does: again while the error is retryable.
func (r *rig) insist(number int64) (err error) {
	r.t.Helper()
	for ctx := deadline(r.t); ctx.Err() == nil; {
		if err = r.ledger.Commit(ctx, number, entryOf(number)); !pipeline.IsRetryable(err) {
			return err
		}
	}
	r.t.Fatal(err)
	return nil
}

func entryOf(number int64) []byte { return fmt.Appendf(nil, "entry %d", number) }

func (r *rig) commit() {
	r.t.Helper()
	if err := r.insist(r.cut()); err != nil {
		r.t.Fatal(err)
	}
}

// want waits until readers see what is expected: brokers answer that a
// transaction is committed a moment before.
func (r *rig) want(triggers, journal []string) {
	r.t.Helper()
	for topic, want := range map[string][]string{r.cfg.Topic: triggers, r.ledger.topic: journal} {
		for ctx := deadline(r.t); ; time.Sleep(10 * time.Millisecond) {
			messages := committed(r.t, r.brokers, topic)
			got := ids(messages)
			if topic == r.ledger.topic {
				got = entries(messages)
			}
			if slices.Equal(got, want) {
				break
			}
			if len(got) > len(want) || ctx.Err() != nil {
				r.t.Fatalf("%s has %v, want %v", topic, got, want)
			}
		}
	}
}

// onBoth runs a test with the fake broker and with a real one.
func onBoth(t *testing.T, f func(t *testing.T, brokers []string)) {
	t.Run("fake", func(t *testing.T) { f(t, fake(t, kfake.DefaultNumPartitions(1)).ListenAddrs()) })
	t.Run("real", func(t *testing.T) { f(t, devtest.Kafka(t)) })
}

func name(t *testing.T) string { return strings.ReplaceAll(unique(t), "/", ".") }

func TestLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		if got := r.start(); got != nil {
			t.Fatalf("a new journal has %v", got)
		}
		r.write("a", "b")
		first := r.cut()
		r.write("c") // Of the next commit, before this one is durable.
		if err := r.insist(first); err != nil {
			t.Fatal(err)
		}
		r.want([]string{"a", "b"}, []string{"1=entry 1"})
		if n := r.sink.Waiting(); n != 1 {
			t.Errorf("%d messages wait, want 1", n)
		}
		r.write("d")
		r.commit()
		r.commit() // Without messages.
		r.write("left")
		r.close()
		r.want([]string{"a", "b", "c", "d"}, []string{"1=entry 1", "2=entry 2", "3=entry 3"})

		again := newRig(t, brokers, r.cfg.Name)
		if got, want := again.start(), []string{"1=entry 1", "2=entry 2", "3=entry 3"}; !slices.Equal(got, want) {
			t.Fatalf("read %v, want %v", got, want)
		}
		again.write("left")
		again.commit()
		again.want([]string{"a", "b", "c", "d", "left"}, []string{"1=entry 1", "2=entry 2", "3=entry 3", "4=entry 4"})
	})
}

// TestSentBeforeTheCommit: what is written while no commit is under way is in
// the brokers' logs before its own, once they are through with the transaction
// before, and not visible.
func TestSentBeforeTheCommit(t *testing.T) {
	brokers := devtest.Kafka(t)
	r := newRig(t, brokers, name(t))
	r.start()
	r.commit()
	r.write("a")
	l := r.ledger
	eventually(t, "the message is in the log", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.tx == nil {
			return false
		}
		l.tx.mu.Lock()
		defer l.tx.mu.Unlock()
		return l.tx.unsettled == 0
	})
	r.want(nil, []string{"1=entry 1"})
	r.commit()
	r.want([]string{"a"}, []string{"1=entry 1", "2=entry 2"})
}

// TestRestBehindATransaction: messages are not sent while the brokers are busy
// with the transaction before, but a commit does not wait.
func TestRestBehindATransaction(t *testing.T) {
	r := newRig(t, fake(t, kfake.DefaultNumPartitions(1)).ListenAddrs(), name(t))
	r.start()
	r.commit()
	l := r.ledger
	l.mu.Lock()
	if !l.restUntil.After(time.Now().Add(-time.Hour)) {
		t.Error("there is no rest")
	}
	l.restUntil = time.Now().Add(time.Hour)
	l.mu.Unlock()
	r.write("a")
	l.mu.Lock()
	if l.tx != nil {
		t.Error("a message is sent before the rest is over")
	}
	l.mu.Unlock()
	r.commit()
	r.want([]string{"a"}, []string{"1=entry 1", "2=entry 2"})
}

func TestReplayDropsMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		r.start()
		r.write("a")
		decision, err := r.sink.Cut(deadline(t), &pipeline.Cut{Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.insist(1); err != nil {
			t.Fatal(err)
		}
		r.close()

		again := newRig(t, brokers, r.cfg.Name)
		again.start()
		again.write("a")
		if _, err := again.sink.Cut(deadline(t), &pipeline.Cut{Number: 1, Replay: true, Decision: decision}); err != nil {
			t.Fatal(err)
		}
		again.write("b")
		if err := again.sink.Release(deadline(t), 1); err != nil {
			t.Fatal(err)
		}
		again.commit()
		again.want([]string{"a", "b"}, []string{"1=entry 1", "2=entry 2"})

		again.write("c")
		if _, err := again.sink.Cut(deadline(t), &pipeline.Cut{Number: 3, Replay: true, Decision: []byte{9, 0}}); err == nil || !strings.Contains(err.Error(), "commit 3 has 1 triggers") {
			t.Errorf("a replay that differs gives %v", err)
		}
	})
}

// TestTwoActive: should two instances ever believe that they are active, the
// journal decides, and what the other one had begun is never seen.
func TestTwoActive(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		old := newRig(t, brokers, name(t))
		old.ledger.standing.group += ".other"
		old.start()
		old.write("a")
		old.commit()
		old.write("zombie")
		number := old.cut()

		r := newRig(t, brokers, old.cfg.Name)
		r.start()
		r.write("b")
		r.commit()
		err := old.insist(number)
		if !errors.Is(err, pipeline.ErrFenced) || !strings.Contains(err.Error(), "it has written commit 2") {
			t.Errorf("the old one's commit gives %v", err)
		}
		r.write("c")
		r.commit()
		r.want([]string{"a", "b", "c"}, []string{"1=entry 1", "2=entry 2", "3=entry 3"})
	})
}

// TestUnknownOutcome loses requests that end a transaction, or the answers to
// them: nothing is lost and nothing doubled.
func TestUnknownOutcome(t *testing.T) {
	for _, acted := range []bool{false, true} {
		t.Run(fmt.Sprint("acted.", acted), func(t *testing.T) {
			onBoth(t, func(t *testing.T, brokers []string) {
				r := newRig(t, brokers, name(t))
				l := &lossy{key: int16(kmsg.EndTxn), acted: acted}
				r.ledger.opts = append(r.ledger.opts, l.option())
				r.start()
				r.write("a")
				r.commit()
				r.write("b")
				l.left.Store(math.MaxInt32) // The client itself asks several times.
				says(t, r.ledger.Commit(deadline(t), r.cut(), entryOf(2)), true, "")
				l.left.Store(0)
				r.write("c")
				if err := r.insist(2); err != nil {
					t.Fatal(err)
				}
				r.commit()
				r.want([]string{"a", "b", "c"}, []string{"1=entry 1", "2=entry 2", "3=entry 3"})
			})
		})
	}
}

func TestAnotherCluster(t *testing.T) {
	r := newRig(t, fake(t).ListenAddrs(), "shop")
	r.start()
	cfg := *r.cfg
	cfg.Brokers = fake(t, kfake.ClusterID("other")).ListenAddrs()
	s, err := NewInLedger(&cfg, r.ledger)
	if err != nil {
		t.Fatal(err)
	}
	says(t, s.Open(deadline(t), &pipeline.Opening{Tables: cfg.Tables()}), false, "is another cluster than that of the journal")
}
