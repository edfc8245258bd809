package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"touchstream/deploy/dev/devtest"
	"touchstream/sinks/sinktest"
)

// readBack reads a topic of one partition with another client, up to its end.
func readBack(t *testing.T, broker, topic string, n int) []kafkago.Message {
	t.Helper()
	r := kafkago.NewReader(kafkago.ReaderConfig{Brokers: []string{broker}, Topic: topic, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond, ReadLagInterval: -1})
	defer r.Close()
	ctx := deadline(t)
	lag, err := r.ReadLag(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if lag != int64(n) {
		t.Fatalf("%s has %d messages, want %d", topic, lag, n)
	}
	var out []kafkago.Message
	for range n {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func TestRealMessages(t *testing.T) {
	brokers := devtest.Kafka(t)
	cfg := settings(brokers)
	s := open(t, cfg) // The topics do not exist before.
	long := strings.Repeat("x", rawBytesMax+1)
	write(t, s, triggerRows(trigger{"t1", "p1", "", `{"value":1}`}), deadRows(dead{"no JSON", "{oops", "text"}, dead{"too large", long, "text"}))
	deliver(t, s)
	m := readBack(t, brokers[0], cfg.Topic, 1)[0]
	attributes := map[string]string{}
	for _, h := range m.Headers {
		attributes[h.Key] = string(h.Value)
	}
	if string(m.Key) != "p1" || attributes["ce_id"] != "t1" || attributes["ce_type"] != "abandonment.fired" || !strings.Contains(string(m.Value), `"payload":{"value":1}`) {
		t.Errorf("key %q, headers %v, value %s", m.Key, attributes, m.Value)
	}
	for i, d := range readBack(t, brokers[0], cfg.DeadLetters, 2) {
		if want := []string{"{oops", long[:rawBytesMax]}[i]; string(d.Value) != want || len(d.Key) != 0 {
			t.Errorf("dead letter %d: %d bytes, key %q", i, len(d.Value), d.Key)
		}
	}
	write(t, s, triggerRows(trigger{"t2", "p1", "", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`}), deadRows())
	says(t, sinktest.Deliver(deadline(t), s), false, "takes no message of this size")
}

// TestRealRestart kills the broker between messages and starts it again: each
// one arrives once and in order.
func TestRealRestart(t *testing.T) {
	broker := devtest.NewKafka(t)
	cfg := settings(broker.Brokers())
	s := open(t, cfg)
	next := 0
	send := func(n int) {
		t.Helper()
		for range n {
			write(t, s, triggerRows(trigger{fmt.Sprint(next), "p1", "", ""}), deadRows())
			next++
		}
	}
	send(200)
	deliver(t, s)
	send(200)
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	send(200)
	says(t, sinktest.Deliver(deadline(t), s), true, "no broker answers at "+broker.Brokers()[0])
	if err := broker.Restart(deadline(t)); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	for s.Drain(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatalf("%d messages wait after the restart", s.Waiting())
		}
	}
	for i, m := range readBack(t, broker.Brokers()[0], cfg.Topic, next) {
		for _, h := range m.Headers {
			if h.Key == "ce_id" && string(h.Value) != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, h.Value)
			}
		}
	}
}
