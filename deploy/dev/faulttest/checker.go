package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Summary is what the driver reads of a run's counters.
type Summary struct {
	Records, Events, Skipped, Duplicates int64
	DeadLetters                          map[string]int64 `json:"dead_letters"`
	WithoutSession                       int64            `json:"events_without_session"`
	ReleasedEarly                        int64            `json:"released_early"`
	LateByOperator                       map[string]int64 `json:"late_by_operator"`
}

func readSummary(t testing.TB, path string) (s Summary) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Checker compares what a run left behind with its input and with an oracle's
// run over the same input. It changes nothing.
type Checker struct {
	Brokers          []string
	ClickHouse       string // native address
	Database, Oracle string
	Counters         Summary  // of the run, through all of its processes
	Summary          Summary  // of the oracle's run
	Inputs           []string // topics
	Triggers, Dead   string   // topics
	// IsOrdered says that the input is one partition, whose order is that of
	// both runs; otherwise what follows the order is left out.
	IsOrdered bool
}

// Check returns all faults that it finds, a sentence each; an error means that
// it could not look.
func (c *Checker) Check(ctx context.Context) (faults []string, err error) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{c.ClickHouse}})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for _, check := range []func(context.Context, driver.Conn) ([]string, error){
		c.transactions, c.inputs, c.views, c.doubled, c.deadLetters, c.triggers,
	} {
		found, err := check(ctx, conn)
		if err != nil {
			return faults, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

// endingMax is how long a transaction may take to end after its commit.
const endingMax = 3 * time.Second

// transactions looks for those that are open, and for what one would hold back
// from readers. One that has just been committed ends within moments.
func (c *Checker) transactions(ctx context.Context, _ driver.Conn) (faults []string, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		faults, err = openTransactions(ctx, kadm.NewClient(client))
		if err != nil || len(faults) == 0 || time.Since(began) > endingMax {
			return faults, err
		}
	}
}

func openTransactions(ctx context.Context, admin *kadm.Client) (faults []string, err error) {
	open, err := admin.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"})
	if err != nil {
		return nil, err
	}
	for _, t := range open.Sorted() {
		faults = append(faults, fmt.Sprintf("transactions: that of %q is in state %s", t.TxnID, t.State))
	}
	ends, err := admin.ListEndOffsets(ctx)
	if err != nil {
		return nil, err
	}
	stable, err := admin.ListCommittedOffsets(ctx)
	if err != nil {
		return nil, err
	}
	ends.Each(func(end kadm.ListedOffset) {
		if s, ok := stable.Lookup(end.Topic, end.Partition); !ok || s.Offset != end.Offset {
			faults = append(faults, fmt.Sprintf("transactions: %s/%d ends at %d and is stable up to %d", end.Topic, end.Partition, end.Offset, s.Offset))
		}
	})
	return faults, nil
}

// inputs accounts for every record of the input: it is an event, a dead letter,
// or the duplicate of an event.
func (c *Checker) inputs(ctx context.Context, conn driver.Conn) (faults []string, err error) {
	events, ids, err := c.positions(ctx, conn, "events", "message_id")
	if err != nil {
		return nil, err
	}
	dead, _, err := c.positions(ctx, conn, "dead_letters", "''")
	if err != nil {
		return nil, err
	}
	var lost, both, invented []string
	records, duplicates := int64(0), int64(0)
	for _, topic := range c.Inputs {
		input, err := readCommitted(ctx, c.Brokers, topic)
		if err != nil {
			return nil, err
		}
		records += int64(len(input))
		for i := range input {
			at := input[i].position()
			var e envelope
			isRead := json.Unmarshal(input[i].value, &e) == nil
			switch {
			case events[at] && dead[at]:
				both = append(both, at.String())
			case events[at], dead[at], len(bytes.TrimSpace(input[i].value)) == 0:
			case isRead && ids[e.MessageID]:
				duplicates++
			default:
				lost = append(lost, at.String()+" "+e.MessageID)
			}
			delete(events, at)
			delete(dead, at)
		}
	}
	for at := range events {
		invented = append(invented, at.String())
	}
	for at := range dead {
		invented = append(invented, at.String())
	}
	if int64(len(lost)) > c.Summary.Skipped {
		faults = append(faults, some("input: lost", lost))
	}
	faults = append(faults, unlessEmpty("input: both event and dead letter", both)...)
	faults = append(faults, unlessEmpty("input: rows of records that are not in it", invented)...)
	if !reflect.DeepEqual(c.Counters, c.Summary) {
		faults = append(faults, fmt.Sprintf("input: the counters are %+v, and the oracle's are %+v", c.Counters, c.Summary))
	}
	if records != c.Summary.Records || records == 0 {
		faults = append(faults, fmt.Sprintf("input: %d records, and the oracle read %d", records, c.Summary.Records))
	}
	if duplicates != c.Summary.Duplicates {
		faults = append(faults, fmt.Sprintf("input: %d duplicates, and the oracle dropped %d", duplicates, c.Summary.Duplicates))
	}
	return faults, nil
}

// positions are the records that a table's current rows come from, and the
// different values of a column.
func (c *Checker) positions(ctx context.Context, conn driver.Conn, table, id string) (at map[position]bool, ids map[string]bool, err error) {
	rows, err := conn.Query(ctx, "SELECT topic, partition, offset, "+id+" FROM "+c.Database+".v_"+table)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	at, ids = map[position]bool{}, map[string]bool{}
	for rows.Next() {
		var p position
		var text string
		if err := rows.Scan(&p.topic, &p.partition, &p.offset, &text); err != nil {
			return nil, nil, err
		}
		at[p], ids[text] = true, true
	}
	return at, ids, rows.Err()
}

// someMax is how many examples a fault names.
const someMax = 3

func some(what string, list []string) string {
	examples := make([]string, 0, someMax)
	for _, s := range list[:min(len(list), someMax)] {
		examples = append(examples, fmt.Sprintf("%.600s", s))
	}
	return fmt.Sprintf("%s: %d, such as %s", what, len(list), strings.Join(examples, " | "))
}

func unlessEmpty(what string, list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return []string{some(what, list)}
}

func queryTexts(ctx context.Context, conn driver.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
