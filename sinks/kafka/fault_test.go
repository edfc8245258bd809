package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
)

// TestTransactionTimesOut: what was in a transaction that brokers have aborted
// is sent again.
func TestTransactionTimesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		r.ledger.timeout = 500 * time.Millisecond
		r.start()
		r.write("a")
		r.commit()
		r.write("b")
		admin := kadm.NewClient(r.ledger.client)
		eventually(t, "the transaction is aborted", func() bool {
			d, err := admin.DescribeTransactions(deadline(t), r.cfg.Name)
			return err == nil && slices.Contains([]string{"CompleteAbort", "Empty"}, d[r.cfg.Name].State)
		})
		r.write("c")
		r.commit()
		r.write("d")
		r.commit()
		r.want([]string{"a", "b", "c", "d"}, []string{"1=entry 1", "2=entry 2", "3=entry 3"})
	})
}

// TestRealBrokerKills kills the broker at any point of commits: each leaves
// once and in order.
func TestRealBrokerKills(t *testing.T) {
	broker := devtest.NewKafka(t)
	name := name(t)
	r := newRig(t, broker.Brokers(), name)
	r.start()
	commits := func(n int) (err error) {
		for range n {
			r.write(fmt.Sprint(r.next, ".1"), fmt.Sprint(r.next, ".2"))
			if err = r.insist(r.cut()); err != nil {
				return err
			}
		}
		return nil
	}
	for range 3 {
		if err := commits(20); err != nil {
			t.Fatal(err)
		}
		killed := make(chan error, 1)
		time.AfterFunc(30*time.Millisecond, func() {
			killed <- errors.Join(broker.Kill(), broker.Restart(t.Context()))
		})
		if err := commits(50); err != nil {
			t.Fatal(err)
		}
		if err := <-killed; err != nil {
			t.Fatal(err)
		}
	}
	if err := commits(5); err != nil {
		t.Fatal(err)
	}
	r.close()
	again := newRig(t, broker.Brokers(), name)
	if got := again.start(); int64(len(got)) != r.next-1 {
		t.Errorf("%d entries, want %d", len(got), r.next-1)
	}
	checkOnce(t, broker.Brokers(), name, r.next-1)
}

// TestFast: triggers leave at once, the commit waits for them, and a replay
// does not send them again.
func TestFast(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		r.cfg.Fast = true
		sink := func(r *rig) {
			var err error
			if r.sink, err = NewInLedger(r.cfg, r.ledger); err != nil {
				t.Fatal(err)
			}
		}
		sink(r)
		r.start()
		r.commit()
		write(t, r.sink, triggerRows(trigger{"a", "p1", "", ""}), deadRows(dead{"no JSON", "{oops", "text"}))
		r.want([]string{"a"}, []string{"1=entry 1"})
		if got := committed(t, brokers, r.cfg.DeadLetters); len(got) != 0 {
			t.Errorf("%d dead letters before the commit", len(got))
		}
		decision, err := r.sink.Cut(deadline(t), &pipeline.Cut{Number: 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.insist(2); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the dead letter is committed", func() bool { return len(committed(t, brokers, r.cfg.DeadLetters)) == 1 })
		if n := r.sink.Waiting(); n != 0 {
			t.Errorf("%d messages wait", n)
		}
		r.close()

		again := newRig(t, brokers, r.cfg.Name)
		again.cfg.Fast = true
		sink(again)
		again.start()
		write(t, again.sink, triggerRows(trigger{"a", "p1", "", ""}), deadRows(dead{"no JSON", "{oops", "text"}))
		if _, err := again.sink.Cut(deadline(t), &pipeline.Cut{Number: 2, Replay: true, Decision: decision}); err != nil {
			t.Fatal(err)
		}
		if err := again.sink.Release(deadline(t), 2); err != nil {
			t.Fatal(err)
		}
		again.write("b")
		again.commit()
		again.want([]string{"a", "b"}, []string{"1=entry 1", "2=entry 2", "3=entry 3"})
	})
}

// TestMessageSizes: a trigger that a topic does not take is an error that says
// so; a dead letter is cut to what it takes.
func TestMessageSizes(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		most, more := "4096", "2097152"
		admin := kadm.NewClient(cl)
		for topic, size := range map[string]*string{r.cfg.DeadLetters: &most, r.cfg.Topic: &more} {
			if _, err := admin.CreateTopic(deadline(t), 1, 1, map[string]*string{"max.message.bytes": size}, topic); err != nil {
				t.Fatal(err)
			}
		}
		r.start()
		long := strings.Repeat("x", 10_000)
		write(t, r.sink, triggerRows(trigger{"a", "p1", "", `{"a":"` + strings.Repeat("x", 3<<19) + `"}`}),
			deadRows(dead{"no JSON", long, "text"}, dead{strings.Repeat("why ", 2000), long, "text"}, dead{"no JSON", "{oops", "text"}))
		r.commit()
		r.want([]string{"a"}, []string{"1=entry 1"})
		var got []message
		eventually(t, "the dead letters are committed", func() bool {
			got = committed(t, brokers, r.cfg.DeadLetters)
			return len(got) == 3
		})
		for _, m := range got[:2] {
			if d := m.headers["detail"]; m.headers["raw_length"] != "10000" || !strings.Contains(d, fmt.Sprintf("the first %d of 10000 bytes", len(m.value))) || !strings.HasPrefix(long, m.value) {
				t.Errorf("a dead letter of %d bytes with detail %.400q", len(m.value), d)
			}
		}
		write(t, r.sink, triggerRows(trigger{"b", "p1", "", `{"a":"` + strings.Repeat("x", 3<<20) + `"}`}), deadRows())
		err = r.ledger.Commit(deadline(t), r.cut(), nil)
		says(t, err, false, "topic "+r.cfg.Topic, "raise its max.message.bytes", `key "p1" has 3`)
	})
}
