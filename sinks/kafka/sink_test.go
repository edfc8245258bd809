package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/schema"
	"touchstream/sinks/sinktest"
)

var rewrite = flag.Bool("rewrite", false, "rewrite deploy/schemas")

// testMax bounds any wait of a test.
const testMax = 30 * time.Second

func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testMax)
	t.Cleanup(cancel)
	return ctx
}

func settings(brokers []string) *Config {
	return &Config{Conn: kafkaconn.Conn{Brokers: brokers}, Topic: "shop.triggers", DeadLetters: "shop.dead_letters", Create: true, Name: "shop"}
}

func open(t *testing.T, cfg *Config) *Sink {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(deadline(t), &pipeline.Opening{Tables: cfg.Tables()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func openError(t *testing.T, cfg *Config) error {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Open(deadline(t), &pipeline.Opening{Tables: cfg.Tables()})
	if err == nil {
		s.Close(context.Background())
		t.Fatal("Open succeeded")
	}
	return err
}

// trigger is the columns of a row that tests vary.
type trigger struct{ id, subject, suppressed, payload string }

func triggerRows(list ...trigger) *schema.Rows {
	r := schema.NewRows(pipeline.Triggers)
	for _, g := range list {
		r.Begin()
		r.String(g.id)
		r.String("abandonment.fired")
		r.String("marketing")
		r.String(g.subject)
		r.String(g.subject)
		r.String("u1")
		r.String("")
		r.String("d1")
		r.String("push")
		r.String("cart-1")
		r.String("a cart was left for 1h")
		r.Time(1_700_000_000_000)
		r.Time(1_700_003_600_000)
		r.Time(1_700_003_600_500)
		r.Time(math.MinInt64)
		r.String(g.suppressed)
		r.String("m1")
		r.String(g.payload)
		r.Int(1)
		r.End()
	}
	return r
}

type dead struct{ detail, raw, encoding string }

func deadRows(list ...dead) *schema.Rows {
	r := schema.NewRows(pipeline.DeadLetters)
	for i, d := range list {
		r.Begin()
		r.Time(1_700_000_000_000)
		r.String("web")
		r.String("web.events")
		r.Int(3)
		r.Int(int64(40 + i))
		r.String("malformed")
		r.String(d.detail)
		r.String(d.raw)
		r.String(d.encoding)
		r.End()
	}
	return r
}

func write(t *testing.T, s *Sink, rows ...*schema.Rows) {
	t.Helper()
	if err := s.Write(deadline(t), &pipeline.Delivery{Step: 1, Rows: rows}); err != nil {
		t.Fatal(err)
	}
}

func deliver(t *testing.T, s *Sink) {
	t.Helper()
	if err := sinktest.Deliver(deadline(t), s); err != nil {
		t.Fatal(err)
	}
	if n := s.Waiting(); n != 0 {
		t.Fatalf("%d messages wait after Drain", n)
	}
}

// sent reads n messages of a topic.
func sent(t *testing.T, brokers []string, topic string, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx := deadline(t)
	var out []*kgo.Record
	for len(out) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d messages: %v", len(out), n, err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func headers(r *kgo.Record) map[string]string {
	out := map[string]string{}
	for _, h := range r.Headers {
		out[h.Key] = string(h.Value)
	}
	return out
}

func says(t *testing.T, err error, retryable bool, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if pipeline.IsRetryable(err) != retryable {
		t.Errorf("retryable is %v: %v", !retryable, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestTriggersAreCloudEvents(t *testing.T) {
	c := fake(t)
	s := open(t, settings(c.ListenAddrs()))
	write(t, s, triggerRows(
		trigger{"t1", "p1", "", `{"items":[{"product_id":"x"}],"value":12.5}`},
		trigger{"t2", "p1", "capped", `{}`},
		trigger{"t3", "", "", ""},
	), deadRows())
	deliver(t, s)
	got := sent(t, c.ListenAddrs(), "shop.triggers", 2)
	if len(got) != 2 {
		t.Fatalf("%d messages, want 2: a suppressed trigger is not sent", len(got))
	}
	byID := map[string]*kgo.Record{}
	for _, m := range got {
		byID[headers(m)["ce_id"]] = m
	}
	want := map[string]string{
		"ce_specversion": "1.0", "ce_id": "t1", "ce_source": "/touchstream/shop", "ce_type": "abandonment.fired", "ce_subject": "p1",
		"ce_time": "2023-11-14T23:13:20.000Z", "ce_dataschema": "urn:touchstream:schema:trigger:1", "content-type": "application/json",
	}
	m := byID["t1"]
	if m == nil || string(m.Key) != "p1" || !reflect.DeepEqual(headers(m), want) {
		t.Fatalf("message %+v, headers %v, want key p1 and %v", m, headers(m), want)
	}
	const value = `{"trigger_id":"t1","trigger":"abandonment.fired","purpose":"marketing","subject":"p1","profile_id":"p1","user_id":"u1","loyalty_id":"","device_id":"d1",` +
		`"via":"push","entity":"cart-1","reason":"a cart was left for 1h","occurred_at":"2023-11-14T22:13:20.000Z","due_at":"2023-11-14T23:13:20.000Z",` +
		`"decided_at":"2023-11-14T23:13:20.500Z","expires_at":null,"suppressed_by":"","causation_id":"m1","payload":{"items":[{"product_id":"x"}],"value":12.5},"revision":1}`
	if string(m.Value) != value {
		t.Errorf("value\n%s\nwant\n%s", m.Value, value)
	}
	m = byID["t3"]
	if _, has := headers(m)["ce_subject"]; has || m.Key != nil {
		t.Errorf("without a subject: key %q, headers %v", m.Key, headers(m))
	}
}

func TestValuesFollowTheSchema(t *testing.T) {
	var schemaOf struct {
		Properties map[string]struct{ Type any }
		Required   []string
	}
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &schemaOf); err != nil {
		t.Fatal(err)
	}
	for _, m := range newTriggers(settings(nil)).messages(nil, triggerRows(trigger{"t1", "p1", "", `{"a":1}`}, trigger{"t2", "", "", ""})) {
		var value map[string]any
		if err := json.Unmarshal(m.Value, &value); err != nil {
			t.Fatal(err)
		}
		for _, name := range schemaOf.Required {
			if _, ok := value[name]; !ok {
				t.Errorf("%s is missing", name)
			}
		}
		for name, v := range value {
			kind := map[reflect.Kind]string{reflect.String: "string", reflect.Float64: "integer", reflect.Map: "object", reflect.Invalid: "null"}[reflect.ValueOf(v).Kind()]
			if want := fmt.Sprint(schemaOf.Properties[name].Type); !strings.Contains(want, kind) {
				t.Errorf("%s is %s, the schema says %s", name, kind, want)
			}
		}
	}
}

func TestSchemaFile(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "deploy", "schemas", "trigger.json")
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the declaration of table triggers (-rewrite writes it):\n%s", path, want)
	}
}

func TestDeadLetters(t *testing.T) {
	c := fake(t)
	s := open(t, settings(c.ListenAddrs()))
	long := strings.Repeat("x", rawBytesMax+5)
	write(t, s, triggerRows(), deadRows(dead{"no JSON", "{oops", "text"}, dead{"no UTF-8", "/wA=", "base64"}, dead{"too large", long, "text"}))
	deliver(t, s)
	got := sent(t, c.ListenAddrs(), "shop.dead_letters", 3)
	values := map[string]string{"40": "{oops", "41": "\xff\x00", "42": long[:rawBytesMax]}
	for _, m := range got {
		h := headers(m)
		if m.Key != nil || string(m.Value) != values[h["offset"]] {
			t.Errorf("offset %s: key %q, value %.20q", h["offset"], m.Key, m.Value)
		}
		if h["offset"] == "42" && h["raw_length"] != fmt.Sprint(len(long)) {
			t.Errorf("raw_length %q", h["raw_length"])
		}
		delete(h, "raw_length")
		delete(h, "detail")
		offset := h["offset"]
		delete(h, "offset")
		want := map[string]string{"reason": "malformed", "source": "web", "topic": "web.events", "partition": "3", "at": "2023-11-14T22:13:20.000Z"}
		if !reflect.DeepEqual(h, want) {
			t.Errorf("offset %s: headers %v, want %v", offset, h, want)
		}
	}
}

func TestTopics(t *testing.T) {
	c := fake(t, kfake.DefaultNumPartitions(3), kfake.SeedTopics(1, "shop.triggers"))
	cfg := settings(c.ListenAddrs())
	cfg.Create = false
	says(t, openError(t, cfg), false, "topic shop.dead_letters does not exist on "+c.ListenAddrs()[0], "create: true")
	cfg.Create = true
	open(t, cfg)
	open(t, cfg) // All are there.
	for topic, partitions := range map[string]int{"shop.triggers": 1, "shop.dead_letters": 3} {
		if n := len(c.PartitionInfos(topic)); n != partitions {
			t.Errorf("%s has %d partitions, want %d", topic, n, partitions)
		}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	other := &schema.Table{Name: "sessions"}
	says(t, s.Open(deadline(t), &pipeline.Opening{Tables: []*schema.Table{other}}), false, "table sessions cannot be sent to Kafka")
}

func TestOpenFaults(t *testing.T) {
	says(t, openError(t, settings([]string{"127.0.0.1:1"})), true, "no broker answers at 127.0.0.1:1", "check brokers")
	c := fake(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "shop", "right"))
	cfg := settings(c.ListenAddrs())
	cfg.SASL = &kafkaconn.SASL{Mechanism: kafkaconn.Plain, Username: "shop", Password: "right"}
	says(t, openError(t, cfg), false, "does not let user shop write topic shop.triggers", "grant WRITE")
}

func TestTooLargeTrigger(t *testing.T) {
	c := fake(t)
	s := open(t, settings(c.ListenAddrs()))
	write(t, s, triggerRows(trigger{"t1", "p1", "", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`}), deadRows())
	says(t, sinktest.Deliver(deadline(t), s), false, "topic shop.triggers on "+c.ListenAddrs()[0]+" takes no message of this size: raise its max.message.bytes")
}

// TestAnswersThatFail lets the broker refuse for a while: every message comes
// through, once and in order.
func TestAnswersThatFail(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "shop.triggers"))
	s := open(t, settings(c.ListenAddrs()))
	refusals := 3
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if refusals == 0 {
			return nil, nil, false
		}
		refusals--
		c.KeepControl()
		resp := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range r.(*kmsg.ProduceRequest).Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, kerr.NotEnoughReplicas.Code
				topic.Partitions = append(topic.Partitions, p)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	for i := range 50 {
		write(t, s, triggerRows(trigger{fmt.Sprint(i), "p1", "", ""}), deadRows())
	}
	deliver(t, s)
	got := sent(t, c.ListenAddrs(), "shop.triggers", 50)
	for i, m := range got {
		if id := headers(m)["ce_id"]; id != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, id)
		}
	}
	if len(got) != 50 || refusals != 0 {
		t.Errorf("%d messages, %d refusals left", len(got), refusals)
	}
}

// TestTopicDeletedWhileRunning: what the client gives back is kept and sent
// once the topic is there again.
func TestTopicDeletedWhileRunning(t *testing.T) {
	c := fake(t)
	s := open(t, settings(c.ListenAddrs()))
	write(t, s, triggerRows(trigger{"t1", "p1", "", ""}), deadRows())
	deliver(t, s)
	if err := c.DeleteTopic("shop.triggers"); err != nil {
		t.Fatal(err)
	}
	write(t, s, triggerRows(trigger{"t2", "p1", "", ""}), deadRows())
	says(t, sinktest.Deliver(deadline(t), s), true, "shop.triggers")
	if n := s.Waiting(); n != 1 {
		t.Errorf("%d messages wait, want 1", n)
	}
	if err := c.CreateTopic("shop.triggers", 1, nil); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	for s.Drain(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatal("not sent after the topic came back")
		}
	}
	if got := sent(t, c.ListenAddrs(), "shop.triggers", 1); headers(got[0])["ce_id"] != "t2" {
		t.Errorf("message %v", headers(got[0]))
	}
}
