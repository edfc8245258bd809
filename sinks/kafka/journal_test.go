package kafka

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline/kafkaconn"
)

func TestLargeEntriesAreParts(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		r.start()
		large := strings.Repeat("0123456789abcdef", 3*partBytes/16) + "x"
		if err := r.ledger.Commit(deadline(t), 1, []byte(large)); err != nil {
			t.Fatal(err)
		}
		if err := r.ledger.Commit(deadline(t), 2, nil); err != nil {
			t.Fatal(err)
		}
		r.close()
		if got, want := newRig(t, brokers, r.cfg.Name).start(), []string{"1=" + large, "2="}; !slices.Equal(got, want) {
			t.Errorf("read %d entries", len(got))
		}
	})
}

func TestTrim(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		r.start()
		for range 5 {
			r.commit()
		}
		for _, below := range []int64{1, 4} {
			if err := r.ledger.Trim(deadline(t), below); err != nil {
				t.Fatal(err)
			}
		}
		r.want(nil, []string{"4=entry 4", "5=entry 5"})
		r.commit()
		r.close()
		again := newRig(t, brokers, r.cfg.Name)
		if got, want := again.start(), []string{"4=entry 4", "5=entry 5", "6=entry 6"}; !slices.Equal(got, want) {
			t.Errorf("read %v, want %v", got, want)
		}
		if err := again.ledger.Trim(deadline(t), 100); err != nil {
			t.Fatal(err)
		}
		if err := again.ledger.Trim(deadline(t), 6); err != nil {
			t.Fatal(err)
		}
		again.want(nil, []string{"6=entry 6"})
		var got []int64
		if _, err := again.ledger.Read(deadline(t), 7, func(n int64, _ []byte) error { got = append(got, n); return nil }); err != nil || got != nil {
			t.Errorf("behind the end: %v, %v", got, err)
		}
		again.commit()
	})
}

func TestTopicFaults(t *testing.T) {
	c := fake(t, kfake.SeedTopics(2, "shop.journal"))
	l, err := NewLedger(&kafkaconn.Conn{Brokers: c.ListenAddrs()}, "shop", true)
	if err != nil {
		t.Fatal(err)
	}
	says(t, l.Open(deadline(t), nil), false, "topic shop.journal", "has 2 partitions: a journal has one")
	says(t, l.Probe(deadline(t)), false, "has 2 partitions: a journal has one")
	if l, err = NewLedger(&kafkaconn.Conn{Brokers: c.ListenAddrs()}, "till", false); err != nil {
		t.Fatal(err)
	}
	says(t, l.Open(deadline(t), nil), false, "topic till.journal does not exist", "create: true")
	says(t, l.Probe(deadline(t)), false, "topic till.journal does not exist", "create: true")
	if l, err = NewLedger(&kafkaconn.Conn{Brokers: []string{"127.0.0.1:1"}}, "till", true); err != nil {
		t.Fatal(err)
	}
	says(t, l.Probe(deadline(t)), true, "no broker answers at 127.0.0.1:1")
	says(t, l.Open(deadline(t), nil), true, "no broker answers at 127.0.0.1:1")
}

func TestJournalTopicKeepsAll(t *testing.T) {
	brokers := devtest.Kafka(t)
	r := newRig(t, brokers, name(t))
	r.start()
	configs, err := r.ledger.admin.DescribeTopicConfigs(deadline(t), r.ledger.topic)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, k := range configs[0].Configs {
		got[k.Key] = k.MaybeValue()
	}
	for key, want := range map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestDamage(t *testing.T) {
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), "shop")
	r.start()
	r.commit()
	r.commit()
	r.close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	stranger := &kgo.Record{Topic: "shop.journal", Key: []byte("3"), Value: []byte("not ours")}
	if err := cl.ProduceSync(deadline(t), stranger).FirstErr(); err != nil {
		t.Fatal(err)
	}
	read := func(r *rig) (numbers []int64, damage error) {
		damage, err := r.ledger.Read(deadline(t), 1, func(n int64, _ []byte) error { numbers = append(numbers, n); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return numbers, damage
	}
	again := newRig(t, c.ListenAddrs(), "shop")
	if err := again.ledger.Open(deadline(t), nil); err != nil {
		t.Fatal(err)
	}
	numbers, damage := read(again)
	if !reflect.DeepEqual(numbers, []int64{1, 2}) || damage == nil || !strings.Contains(damage.Error(), "topic shop.journal partition 0 on ") || !strings.Contains(damage.Error(), "the record at offset ") ||
		!strings.Contains(damage.Error(), "nobody but pipeline shop may write there") {
		t.Errorf("read %v, %v", numbers, damage)
	}
	for number := int64(3); number <= 4; number++ {
		if err := again.insist(number); err != nil {
			t.Fatal(err)
		}
	}
	again.ledger.Close()
	last := newRig(t, c.ListenAddrs(), "shop")
	if err := last.ledger.Open(deadline(t), nil); err != nil {
		t.Fatal(err)
	}
	defer last.ledger.Close()
	if numbers, damage := read(last); !reflect.DeepEqual(numbers, []int64{1, 2, 3, 4}) || damage != nil {
		t.Errorf("after the repair: read %v, %v", numbers, damage)
	}
}

// TestLostEnd: a snapshot is newer than what is left of the journal.
func TestLostEnd(t *testing.T) {
	for _, first := range []int64{7, 6, 3} {
		t.Run(fmt.Sprint("read from ", first), func(t *testing.T) { lostEnd(t, first) })
	}
}

// lostEnd reads from a number behind the end, and commits from 7 on.
func lostEnd(t *testing.T, first int64) {
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), "shop")
	r.start()
	r.commit()
	r.commit()
	numbers := func(first int64) (out []int64, damage error) {
		damage, err := r.ledger.Read(deadline(t), first, func(n int64, _ []byte) error { out = append(out, n); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return out, damage
	}
	if got, damage := numbers(first); got != nil || damage != nil {
		t.Fatalf("behind the end: %v, %v", got, damage)
	}
	if first > 5 {
		says(t, r.ledger.Commit(deadline(t), 5, nil), false, "commit 5 cannot be written where 3 follows")
	}
	for r.next = 7; r.next <= 8; {
		r.commit()
	}
	if got, damage := numbers(first); !slices.Equal(got, []int64{7, 8}) || damage != nil {
		t.Errorf("from %d: %v, %v", first, got, damage)
	}
	if got, damage := numbers(2); !slices.Equal(got, []int64{2}) || damage == nil || !strings.Contains(damage.Error(), "commit 7 at offset") {
		t.Errorf("from 2: %v, %v", got, damage)
	}
}
