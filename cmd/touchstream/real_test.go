package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline/schema"
	"touchstream/sources/generator"
)

// This file has what the tests with a real ClickHouse and a real Kafka share.

// waitMax bounds waiting for something that must come.
const waitMax = 90 * time.Second

// await waits until f holds.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(waitMax)
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for !f() {
		select {
		case <-every.C:
		case <-deadline:
			t.Fatalf("%s did not come within %s", what, waitMax)
		}
	}
}

// listening waits for the address of the command's http listener.
func (p *process) listening(t *testing.T) string {
	t.Helper()
	var line struct{ Address string }
	if err := json.Unmarshal([]byte(p.line(t, `"msg":"listening"`)), &line); err != nil {
		t.Fatal(err)
	}
	return line.Address
}

// get asks the command's http listener.
func get(t *testing.T, address, path string) (code int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// statusAt is /status.
func statusAt(t *testing.T, address string) statusJSON {
	t.Helper()
	code, body := get(t, address, "/status")
	var s statusJSON
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK {
		t.Fatalf("/status: %d %v\n%s", code, err, body)
	}
	return s
}

var names atomic.Int64

// unique makes a name of topics and databases that no other test has, nor this
// one when it is repeated.
func unique(name string) string { return fmt.Sprintf("%s%d", name, names.Add(1)) }

// deleteTopics deletes topics of a broker that all tests share.
func deleteTopics(t *testing.T, brokers []string, topics ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopics(ctx, topics...); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of topics", func() bool {
		left, err := kadm.NewClient(client).ListTopics(ctx)
		return err == nil && !slices.ContainsFunc(topics, left.Has)
	})
}

// produce writes records to the topics of their own names behind the prefix,
// with the times of arrival as timestamps.
func produce(t *testing.T, brokers []string, prefix string, records []generator.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	w, err := newTopicWriter(ctx, brokers, func(topic string) string { return prefix + topic })
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := w.write(ctx, &records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(ctx); err != nil {
		t.Fatal(err)
	}
}

// messages reads a topic of one partition up to its end.
func messages(t *testing.T, broker, topic string) []kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", broker, topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	end, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{broker}, Topic: topic, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond})
	defer r.Close()
	var out []kafka.Message
	for int64(len(out)) < end {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// warehouse connects to ClickHouse.
func warehouse(t *testing.T, addr string) driver.Conn {
	t.Helper()
	c, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, DialTimeout: 5 * time.Second, ReadTimeout: waitMax})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the server may be gone
	return c
}

// number asks for one number.
func number(t *testing.T, c driver.Conn, query string) uint64 {
	t.Helper()
	var n uint64
	if err := c.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// viewTexts are the rows of a table's view, as finalTexts writes them.
func viewTexts(t *testing.T, c driver.Conn, database string, table *schema.Table, leftOut ...string) []string {
	t.Helper()
	var columns []string
	for _, col := range table.Columns {
		if col.Name != "revision" && !slices.Contains(leftOut, col.Name) {
			columns = append(columns, col.Name)
		}
	}
	query := "SELECT `" + strings.Join(columns, "`, `") + "` FROM " + database + ".v_" + table.Name
	result, err := c.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer result.Close()
	var out []string
	for result.Next() {
		values := make([]any, len(columns))
		for i, typ := range result.ColumnTypes() {
			values[i] = reflect.New(typ.ScanType()).Interface()
		}
		if err := result.Scan(values...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		r := row{}
		for i, name := range columns {
			r[name] = plain(reflect.ValueOf(values[i]))
		}
		out = append(out, r.text(columns...))
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	slices.Sort(out)
	return out
}

// plain turns a value of the driver into the one that jsonl has.
func plain(v reflect.Value) any {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return formatTime(x)
	case fmt.Stringer: // decimals and UUIDs
		return x.String()
	}
	if v.Kind() == reflect.Slice {
		out := []any{}
		for i := range v.Len() {
			out = append(out, plain(v.Index(i)))
		}
		return out
	}
	return v.Interface()
}

func formatTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// currentTexts are the rows that a table's view must show, made from the rows
// of a jsonl file: the newest revisions, profiles as they are called now.
func currentTexts(table *schema.Table, all []row, overrides map[string]string, leftOut ...string) []string {
	for _, r := range all {
		for _, c := range table.Columns {
			switch v := r[c.Name].(type) {
			case nil:
				if c.Type == schema.Text || c.Type == schema.LowText {
					r[c.Name] = ""
				}
			case string:
				if now, ok := overrides[v]; ok && table.Name != "identity_overrides" && slices.Contains(table.Profiles, c.Name) {
					r[c.Name] = now
				}
			case json.Number:
				if f, err := v.Float64(); err == nil && c.Type == schema.Float {
					r[c.Name] = f
				}
			}
		}
	}
	return finalTexts(table, all, leftOut)
}

// overrides reads the names that merged profiles have now.
func overridesOf(all []row) map[string]string {
	out := map[string]string{}
	for _, r := range final(all, "profile_id") {
		out[fmt.Sprint(r["profile_id"])] = fmt.Sprint(r["current_profile_id"])
	}
	return out
}

// compareViews compares every view with the jsonl files of the same run.
func compareViews(t *testing.T, c driver.Conn, database, config, dir string) {
	t.Helper()
	overrides := overridesOf(rows(t, dir, "identity_overrides"))
	for _, table := range worldTables(t, config) {
		got := viewTexts(t, c, database, table)
		want := currentTexts(table, rows(t, dir, table.Name), overrides)
		if len(want) == 0 && table.Name != "identity_conflicts" {
			t.Errorf("%s: no rows to compare", table.Name)
		}
		compareTexts(t, database+".v_"+table.Name, got, want)
	}
}
