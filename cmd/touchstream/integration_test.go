package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"touchstream/deploy/dev/devtest"
	"touchstream/sources/generator"
)

// topicOfEach reads each topic from Kafka.
func topicOfEach(brokers []string, prefix string) string {
	var b strings.Builder
	b.WriteString("sources:\n")
	for _, topic := range generator.Topics() {
		fmt.Fprintf(&b, "  %s: {kafka: {brokers: [%q], topics: [%s%s]}, decode: {segment: {}}, defaults: {channel: %s}}\n",
			topic, brokers[0], prefix, topic, topic)
	}
	return b.String()
}

// TestRealPipeline runs a world from Kafka into ClickHouse, files and topics.
// The views show what the files have, also after everything was delivered once
// more by a second run, whose files have the same bytes; and the final rows are
// those of a run over one file with the same records.
func TestRealPipeline(t *testing.T) {
	w := generated(t)
	dir := t.TempDir()
	w.file(t, dir)
	brokers, addr := devtest.Kafka(t), devtest.ClickHouse(t)
	database := unique("world")
	prefix := database + "."
	produce(t, brokers, prefix, w.records)
	config := write(t, dir, "kafka.yaml", fmt.Sprintf(`
name: world
sinks:
  warehouse: {clickhouse: {addr: [%q], database: %s}}
  rtm: {kafka: {brokers: [%q], topic: %striggers, dead_letters: %sdead}}
  local: {file: {dir: kafka}}
`, addr, database, brokers[0], prefix, prefix)+topicOfEach(brokers, prefix)+worldOperators)
	s := bounded(t, config, nil, "--publish")
	equal(t, "records", s.Records, int64(len(w.records)))
	first := folder(t, filepath.Join(dir, "kafka"))
	compareViews(t, warehouse(t, addr), database, config, filepath.Join(dir, "kafka"))
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer("dir: kafka", "dir: kafka-go", "topics:", "driver: kafka-go, topics:", "database: "+database, "database: "+unique("world"))
	bounded(t, write(t, dir, "kafka-go.yaml", other.Replace(string(text))), nil)
	for name, again := range folder(t, filepath.Join(dir, "kafka-go")) {
		if !bytes.Equal(first[name], again) {
			t.Errorf("%s differs with the other client: %s", name, firstDifference(first[name], again))
		}
	}
	bounded(t, config, nil)
	for name, again := range folder(t, filepath.Join(dir, "kafka")) {
		if !bytes.Equal(first[name], again) {
			t.Errorf("%s differs between two runs: %s", name, firstDifference(first[name], again))
		}
	}
	compareViews(t, warehouse(t, addr), database, config, filepath.Join(dir, "kafka"))
	checkTriggers(t, messages(t, brokers[0], prefix+"triggers"), rows(t, filepath.Join(dir, "kafka"), "triggers"))
	checkDeadLetters(t, messages(t, brokers[0], prefix+"dead"), rows(t, filepath.Join(dir, "kafka"), "dead_letters"))

	bounded(t, write(t, dir, "file.yaml", "name: world\nsinks: {local: {file: {dir: file}}}\n"+oneFile+worldOperators), nil)
	for _, table := range worldTables(t, config) {
		if strings.HasPrefix(table.Name, "identit") || table.Name == "triggers" || table.Name == "abandonments" {
			continue // they follow the order of the log
		}
		leftOut := append([]string{"source", "topic", "partition", "offset", "at", "received_time"}, table.Profiles...)
		compareTable(t, "Kafka and one file", table, rows(t, filepath.Join(dir, "kafka"), table.Name), rows(t, filepath.Join(dir, "file"), table.Name), leftOut...)
	}
}

// checkTriggers compares the messages with the rows of table triggers.
func checkTriggers(t *testing.T, got []kafka.Message, want []row) {
	t.Helper()
	byID := map[string]row{}
	for _, r := range want {
		if r["suppressed_by"] == nil || r["suppressed_by"] == "" {
			byID[fmt.Sprint(r["trigger_id"])] = r
		}
	}
	if len(got) != len(byID) || len(got) == 0 {
		t.Errorf("%d trigger messages, want %d", len(got), len(byID))
	}
	for _, m := range got {
		headers := map[string]string{}
		for _, h := range m.Headers {
			headers[h.Key] = string(h.Value)
		}
		r, ok := byID[headers["ce_id"]]
		if !ok {
			t.Fatalf("a message for %q, which is no trigger: %s", headers["ce_id"], m.Value)
		}
		for name, value := range map[string]any{
			"ce_specversion": "1.0", "ce_source": "/touchstream/world", "ce_type": r["trigger"], "ce_subject": r["subject"],
			"ce_time": r["due_at"], "content-type": "application/json",
		} {
			equal(t, "header "+name, headers[name], fmt.Sprint(value))
		}
		if headers["ce_dataschema"] == "" {
			t.Errorf("trigger %s has no ce_dataschema", headers["ce_id"])
		}
		equal(t, "key", string(m.Key), fmt.Sprint(r["subject"]))
		var body row
		if err := json.Unmarshal(m.Value, &body); err != nil {
			t.Fatalf("trigger %s: %v", headers["ce_id"], err)
		}
		columns := []string{"trigger_id", "trigger", "purpose", "subject", "profile_id", "user_id", "entity", "reason", "occurred_at", "due_at", "expires_at"}
		equal(t, "body", body.text(columns...), r.text(columns...))
		payload, ok := body["payload"].(map[string]any)
		if !ok || len(payload) == 0 {
			t.Errorf("trigger %s has the payload %v", headers["ce_id"], body["payload"])
		}
	}
}

// checkDeadLetters compares the messages with the rows of table dead_letters.
func checkDeadLetters(t *testing.T, got []kafka.Message, want []row) {
	t.Helper()
	left := map[string]int{}
	for _, r := range want {
		left[r.text("reason", "topic", "partition", "offset", "raw")]++
	}
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d dead letters, want %d", len(got), len(want))
	}
	for _, m := range got {
		r := row{"raw": string(m.Value)}
		for _, h := range m.Headers {
			r[h.Key] = string(h.Value)
		}
		key := r.text("reason", "topic", "partition", "offset", "raw")
		if left[key]--; left[key] < 0 {
			t.Errorf("a dead letter that is no row: %s", key)
		}
	}
}
