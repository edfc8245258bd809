package faulttest_test

import (
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/faulttest"
)

// damage is a fault made by hand, and what the check must say of it. Faults
// stay, so that each must bring its own sentences.
type damage struct {
	name string
	do   func()
	want []string // how new sentences begin; none: there must be no new one
}

// TestCheckFindsFaults damages what a good run left behind, bit by bit.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{})
	r.Load(0)
	r.Finish()
	c := r.Checker()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{c.ClickHouse}})
	must(t, err)
	defer conn.Close()
	plain := client(t, c.Brokers)
	sql := func(statements ...string) func() {
		return func() {
			for _, s := range statements {
				must(t, conn.Exec(t.Context(), strings.ReplaceAll(s, "DB.", c.Database+".")))
			}
		}
	}
	trigger := func(id string) *kgo.Record {
		return &kgo.Record{Topic: c.Triggers, Key: []byte("s"), Value: []byte(`{"trigger_id":"` + id + `","subject":"s","payload":{}}`),
			Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte(id)}}}
	}
	send := func(records ...*kgo.Record) func() {
		return func() { must(t, plain.ProduceSync(t.Context(), records...).FirstErr()) }
	}
	first := func(topic string) *kgo.Record {
		reader := client(t, c.Brokers, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		defer reader.Close()
		fetches := reader.PollRecords(t.Context(), 1)
		must(t, fetches.Err())
		found := fetches.Records()[0]
		return &kgo.Record{Topic: topic, Key: found.Key, Value: found.Value, Headers: found.Headers}
	}
	tx := client(t, c.Brokers, kgo.TransactionalID("left-open"))
	transaction := func(record *kgo.Record) {
		must(t, tx.BeginTransaction())
		must(t, tx.ProduceSync(t.Context(), record).FirstErr())
	}
	end := func(how kgo.TransactionEndTry) { must(t, tx.EndTransaction(t.Context(), how)) }

	for _, d := range []damage{
		{"a doubled row of a table that grows", sql("INSERT INTO DB.events SELECT * FROM DB.events LIMIT 1"), []string{"events: ids that are there several times"}},
		{"a doubled row of a table that is revised", sql("INSERT INTO DB.sessions SELECT * FROM DB.sessions LIMIT 1"), []string{"sessions: ids that are there several times"}},
		{"a lost event", sql("ALTER TABLE DB.events DELETE WHERE message_id IN (SELECT message_id FROM DB.events WHERE event = 'Order Completed' LIMIT 1) SETTINGS mutations_sync = 2"),
			[]string{"input: lost: 1,", "v_events: rows that only the oracle has: 1,"}},
		{"a lost row of a view", sql("ALTER TABLE DB.window_revenue DELETE WHERE window_start IN (SELECT max(window_start) FROM DB.window_revenue) SETTINGS mutations_sync = 2"),
			[]string{"v_window_revenue: rows that only the oracle has"}},
		{"a changed row", sql("INSERT INTO DB.ropo SELECT * REPLACE ('nobody' AS profile_id, _version + 1 AS _version) FROM DB.ropo LIMIT 1"),
			[]string{"v_ropo: rows that the oracle does not have: 1,", "v_ropo: rows that only the oracle has: 1,"}},
		{"a row of no record", sql("INSERT INTO DB.events SELECT * REPLACE ('other' AS message_id, 1000000 AS offset) FROM DB.events LIMIT 1"),
			[]string{"input: rows of records that are not in it: 1,", "v_events: rows that the oracle does not have: 1,"}},
		{"a doubled trigger", send(first(c.Triggers)), []string{"trigger topic: ids that come several times: 1,"}},
		{"a trigger of no row", send(trigger("invented")), []string{"trigger topic: triggers that its own table does not have: 1,", "trigger topic: triggers that the oracle does not have: 1,"}},
		{"a trigger that was not sent", sql("INSERT INTO DB.triggers SELECT * REPLACE ('unsent' AS trigger_id) FROM DB.triggers LIMIT 1"),
			[]string{"trigger topic: triggers that only its own table has: 1,", "v_triggers: rows that the oracle does not have: 1,"}},
		{"a broken trigger", send(&kgo.Record{Topic: c.Triggers, Value: []byte("{")}), []string{"trigger topic: messages that are broken: 1,"}},
		{"a doubled dead letter", send(first(c.Dead)), []string{"dead letter topic: dead letters that the table does not have, or once only: 1,"}},
		{"an aborted transaction", func() { transaction(trigger("aborted")); end(kgo.TryAbort) }, nil},
		{"an open transaction", func() { transaction(trigger("open")) },
			[]string{`transactions: that of "left-open" is in state Ongoing`, "transactions: " + c.Triggers + "/0 ends at "}},
		{"its commit", func() { end(kgo.TryCommit) },
			[]string{"trigger topic: triggers that its own table does not have: 2,", "trigger topic: triggers that the oracle does not have: 2,"}},
		{"a record that nobody read", send(&kgo.Record{Topic: c.Inputs[0], Value: []byte("{}")}), []string{"input: lost: 2,", "input: "}},
	} {
		before := faults(t, c)
		d.do()
		after := faults(t, c)
		var fresh []string
		for f := range after {
			if !before[f] {
				fresh = append(fresh, f)
			}
		}
		if len(fresh) != len(d.want) {
			t.Errorf("%s: %d new faults, want %d: %q", d.name, len(fresh), len(d.want), fresh)
		}
		for _, want := range d.want {
			found := false
			for _, f := range fresh {
				found = found || strings.HasPrefix(f, want)
			}
			if !found {
				t.Errorf("%s: no new fault begins with %q: %q", d.name, want, fresh)
			}
		}
	}
}

func faults(t *testing.T, c *faulttest.Checker) map[string]bool {
	t.Helper()
	found, err := c.Check(t.Context())
	must(t, err)
	out := map[string]bool{}
	for _, f := range found {
		out[f] = true
	}
	return out
}

func client(t *testing.T, brokers []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(brokers...))...)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
