package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// triggers compares the topic of triggers, as a reader of committed records
// sees it, with the run's own table and with the oracle's.
func (c *Checker) triggers(ctx context.Context, conn driver.Conn) (faults []string, err error) {
	records, err := readCommitted(ctx, c.Brokers, c.Triggers)
	if err != nil {
		return nil, err
	}
	var got []string
	var doubled, broken []string
	seen := map[string]bool{}
	for i := range records {
		r := &records[i]
		var body struct {
			ID      string          `json:"trigger_id"`
			Subject string          `json:"subject"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(r.value, &body); err != nil {
			broken = append(broken, fmt.Sprintf("%s: %v", r.position(), err))
			continue
		}
		if body.ID != r.headers["ce_id"] || body.Subject != string(r.key) {
			broken = append(broken, fmt.Sprintf("%s: id %s, ce_id %s, subject %s, key %s", r.position(), body.ID, r.headers["ce_id"], body.Subject, r.key))
		}
		if seen[body.ID] {
			doubled = append(doubled, body.ID)
			continue
		}
		seen[body.ID] = true
		got = append(got, triggerText(body.ID, body.Subject, body.Payload))
	}
	slices.Sort(got)
	faults = append(faults, unlessEmpty("trigger topic: messages that are broken", broken)...)
	faults = append(faults, unlessEmpty("trigger topic: ids that come several times", doubled)...)
	others := []struct{ name, database string }{{"its own table", c.Database}, {"the oracle", c.Oracle}}
	if !c.IsOrdered {
		others = others[:1]
	}
	for _, other := range others {
		want, err := tableTriggers(ctx, conn, other.database)
		if err != nil {
			return faults, err
		}
		missing, extra := difference(want, got)
		faults = append(faults, unlessEmpty("trigger topic: triggers that only "+other.name+" has", missing)...)
		faults = append(faults, unlessEmpty("trigger topic: triggers that "+other.name+" does not have", extra)...)
	}
	return faults, nil
}

// tableTriggers are the triggers of a database that were sent.
func tableTriggers(ctx context.Context, conn driver.Conn, database string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT trigger_id, subject, payload FROM "+database+".v_triggers WHERE suppressed_by = ''")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, subject, payload string
		if err := rows.Scan(&id, &subject, &payload); err != nil {
			return nil, err
		}
		out = append(out, triggerText(id, subject, []byte(payload)))
	}
	slices.Sort(out)
	return out, rows.Err()
}

// triggerText is a trigger for comparison; its payload with sorted keys.
func triggerText(id, subject string, payload []byte) string {
	var v any
	if err := json.Unmarshal(payload, &v); err != nil {
		return fmt.Sprintf("%s %s %q", id, subject, payload)
	}
	sorted, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was JSON
	}
	return fmt.Sprintf("%s %s %s", id, subject, sorted)
}

// deadLetters compares the topic of dead letters with the run's own table.
func (c *Checker) deadLetters(ctx context.Context, conn driver.Conn) (faults []string, err error) {
	records, err := readCommitted(ctx, c.Brokers, c.Dead)
	if err != nil {
		return nil, err
	}
	var got []string
	for i := range records {
		h := records[i].headers
		// A message says it if it holds only the beginning of the record.
		detail, _, _ := strings.Cut(h["detail"], " (the first ")
		got = append(got, fmt.Sprintf("%s/%s@%s %s %s", h["topic"], h["partition"], h["offset"], h["reason"], detail))
	}
	slices.Sort(got)
	want, err := queryTexts(ctx, conn, "SELECT concat(topic, '/', toString(partition), '@', toString(offset), ' ', reason, ' ', detail) AS text FROM "+
		c.Database+".v_dead_letters ORDER BY text")
	if err != nil {
		return nil, err
	}
	missing, extra := difference(want, got)
	faults = append(faults, unlessEmpty("dead letter topic: dead letters that only the table has", missing)...)
	return append(faults, unlessEmpty("dead letter topic: dead letters that the table does not have, or once only", extra)...), nil
}
