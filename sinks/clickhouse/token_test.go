package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// decided is a sink that has a block of rows which may leave at Release(1).
// All that have the same opening make the same block.
func decided(t *testing.T, c Config, o *pipeline.Opening, rows int) (*Sink, *parcel) {
	t.Helper()
	s := resumed(t, c, o)
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, manyRows(0, rows))
	return s, s.queue.parcels[0]
}

func released(t *testing.T, s *Sink) {
	t.Helper()
	must(t, s.Release(t.Context(), 1))
	drained(t, s)
	ended(t, s)
}

// unmerged keeps parts from being merged, which would hide rows that are there
// twice.
func unmerged(t *testing.T, conn driver.Conn, c Config) {
	t.Helper()
	must(t, conn.Exec(t.Context(), "ALTER TABLE "+c.Database+".growing MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"))
}

// forgotten removes the rows of a table and not the tokens under which they
// came, as a server does that is killed between the two.
func forgotten(t *testing.T, conn driver.Conn, c Config) {
	t.Helper()
	must(t, conn.Exec(t.Context(), "ALTER TABLE "+c.Database+".growing DELETE WHERE true SETTINGS mutations_sync = 2"))
	if got := counts(t, conn, c.Database); got != "0 0" {
		t.Fatalf("%s rows are left", got)
	}
}

// TestRealFrozen freezes a process between its decision and its insert, and
// wakes it when its successor has sent the block.
func TestRealFrozen(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	conn := directly(t, c.Addr[0])
	o := openingFor(t, r)
	frozen := resumed(t, c, o)
	unmerged(t, conn, c)
	commit(t, frozen, pipeline.Cut{Number: 1, Clock: march}, manyRows(0, 10))
	must(t, frozen.Release(t.Context(), 1))
	drained(t, frozen)
	o.State = mustState(t, frozen)
	decision := commit(t, frozen, pipeline.Cut{Number: 2, Clock: march + 2, All: true}, manyRows(10, 20))

	s := resumed(t, c, o)
	must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: []*schema.Rows{manyRows(10, 20)}}))
	if _, err := s.Cut(t.Context(), &pipeline.Cut{Number: 2, Clock: march + 2, All: true, Replay: true, Decision: decision}); err != nil {
		t.Fatal(err)
	}
	must(t, s.Release(t.Context(), 2))
	drained(t, s)
	must(t, frozen.Release(t.Context(), 2))
	drained(t, frozen)
	if got := counts(t, conn, c.Database); got != "30 30" {
		t.Errorf("got %s", got)
	}
	ended(t, frozen)
	ended(t, s)
}

// TestRealStaleTokens sends a block for the first time to a server that knows
// its token and has lost the rows, again and again.
func TestRealStaleTokens(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	conn := directly(t, c.Addr[0])
	for stale := range 4 {
		o := openingFor(t, r)
		s, p := decided(t, c, o, 10)
		frozen, _ := decided(t, c, o, 10)
		unmerged(t, conn, c)
		released(t, s)
		if p.stale != stale {
			t.Errorf("%d tokens were stale, want %d", p.stale, stale)
		}
		released(t, frozen)
		if got := counts(t, conn, c.Database); got != "10 10" {
			t.Errorf("%d stale tokens: got %s", stale, got)
		}
		forgotten(t, conn, c)
	}
}

// TestRealEndlessDuplicates lets the server know more tokens than a delivery
// tries.
func TestRealEndlessDuplicates(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	conn := directly(t, c.Addr[0])
	s, p := decided(t, c, openingFor(t, r), 10)
	client, err := dial(t.Context(), &c)
	must(t, err)
	defer drop(client)
	for stale := range tokensMax + 1 {
		sendToken(t, client, c, (&parcel{number: p.number, stale: stale}).token(), "m")
	}
	forgotten(t, conn, c)
	must(t, s.Release(t.Context(), 1))
	until(t, "a report", func() bool { _, ok := r.last(); return ok })
	drained(t, s)
	r.mu.Lock()
	err = r.errs[0]
	r.mu.Unlock()
	for _, want := range []string{fmt.Sprintf("block %x with 10 rows of table growing", p.number), fmt.Sprintf("touchstream-%x-16", p.number)} {
		if !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if got := counts(t, conn, c.Database); got != "10 10" || p.stale != tokensMax+1 {
		t.Errorf("got %s after %d stale tokens", got, p.stale)
	}
	ended(t, s)
}

// sendToken sends a row under a token and answers what the server told.
func sendToken(t *testing.T, client *ch.Client, c Config, token, id string) (told events) {
	t.Helper()
	at := new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli)
	at.Append(time.UnixMilli(march).UTC())
	ids := new(proto.ColStr)
	ids.Append(id)
	must(t, client.Do(t.Context(), ch.Query{
		Body:            "INSERT INTO " + c.Database + ".growing (at, message_id) VALUES",
		Settings:        []ch.Setting{{Key: "insert_deduplication_token", Value: token, Important: true}},
		Input:           proto.Input{{Name: "at", Data: at}, {Name: "message_id", Data: ids}},
		OnProfileEvents: told.add,
	}))
	return told
}

// TestRealTokenDecides sends equal rows under different tokens and different
// rows under equal ones, with a materialized view, whose parts do not count.
func TestRealTokenDecides(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	s := resumed(t, c, openingFor(t, r))
	must(t, s.conn.Exec(t.Context(), "CREATE TABLE "+c.Database+".target (id String) ENGINE = MergeTree ORDER BY id SETTINGS "+windowSetting()))
	must(t, s.conn.Exec(t.Context(), "CREATE MATERIALIZED VIEW "+c.Database+".mv TO "+c.Database+".target AS SELECT message_id AS id FROM "+c.Database+".growing"))
	unmerged(t, s.conn, c)
	client, err := dial(t.Context(), &c)
	must(t, err)
	defer drop(client)
	f := func(token, id string, taken bool) {
		t.Helper()
		if told := sendToken(t, client, c, token, id); told.isTaken() != taken {
			t.Errorf("%s of %s: %+v, want it taken %v", token, id, told, taken)
		}
	}
	f("a", "same", true)
	f("b", "same", true)
	f("b", "other", false)
	f("a", "same", false)
	if got := counts(t, s.conn, c.Database); got != "2 1" {
		t.Errorf("got %s", got)
	}
	if got := ask(t, s.conn, "SELECT toString(count()) FROM "+c.Database+".target"); got != "2" {
		t.Errorf("the view has %s rows, want 2", got)
	}
	ended(t, s)
}

// TestUncertainEvents takes a block for taken only if the server says so.
func TestUncertainEvents(t *testing.T) {
	f := func(taken bool, told ...ch.ProfileEvent) {
		t.Helper()
		var e events
		must(t, e.add(context.Background(), told))
		if e.isTaken() != taken {
			t.Errorf("%+v: taken %v, want %v", told, e.isTaken(), taken)
		}
	}
	f(false)
	f(false, ch.ProfileEvent{Name: "InsertedRows", Value: 1})
	f(true, ch.ProfileEvent{Name: "InsertedWideParts", Value: 1})
	f(true, ch.ProfileEvent{Name: "InsertedCompactParts", Value: 2})
	f(false, ch.ProfileEvent{Name: "InsertedCompactParts", Value: 1}, ch.ProfileEvent{Name: "DuplicatedInsertedBlocks", Value: 1})
}

// TestRealKilledBehindToken kills the server between the token of a block and
// its rows. The token is that of a table which took the same block.
func TestRealKilledBehindToken(t *testing.T) {
	server := devtest.NewClickHouse(t)
	c, r := configFor(t, server.Addr()), new(reports)
	o := openingFor(t, r)
	s, p := decided(t, c, o, 10)
	twin := c
	twin.Database += "_twin"
	other, _ := decided(t, twin, o, 10)
	released(t, other)
	unmerged(t, s.conn, c)
	from, to := logDir(t, s.conn, twin), logDir(t, s.conn, c)
	must(t, server.Kill())
	must(t, os.RemoveAll(to))
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, server.Restart(t.Context()))
	must(t, s.Release(t.Context(), 1))
	drained(t, s)
	if got := counts(t, directly(t, server.Addr()), c.Database); got != "10 10" {
		t.Errorf("got %s", got)
	}
	if p.stale != 1 {
		t.Errorf("%d stale tokens, want 1", p.stale)
	}
	ended(t, s)
}

// logDir is where the server notes the tokens of a table's blocks.
func logDir(t *testing.T, conn driver.Conn, c Config) string {
	t.Helper()
	return filepath.Join(ask(t, conn, "SELECT data_paths[1] FROM system.tables WHERE database = '"+c.Database+"' AND name = 'growing'"), "deduplication_logs")
}

// TestRealServerIsKilled kills the server in the middle of inserts, again and
// again, as soon as it has noted the token of one of several blocks.
func TestRealServerIsKilled(t *testing.T) {
	server := devtest.NewClickHouse(t)
	c, r := configFor(t, server.Addr()), new(reports)
	s := resumed(t, c, openingFor(t, r))
	conn := directly(t, server.Addr())
	unmerged(t, conn, c)
	dir := logDir(t, conn, c)
	noted := func() (lines int) {
		logs, err := os.ReadDir(dir)
		must(t, err)
		for _, l := range logs {
			b, err := os.ReadFile(filepath.Join(dir, l.Name()))
			must(t, err)
			lines += bytes.Count(b, []byte("\n"))
		}
		return lines
	}
	n, rows := int64(0), 0
	for round := range 4 {
		for range 3 {
			n++
			commit(t, s, pipeline.Cut{Number: n, Clock: march, All: true}, manyRows(rows, 3000))
			rows += 3000
		}
		before := noted()
		must(t, s.Release(t.Context(), n))
		for end := time.Now().Add(patience); noted() <= before+round%3; {
			if time.Now().After(end) {
				t.Fatal("no insert begins")
			}
		}
		must(t, server.Kill())
		must(t, server.Restart(t.Context()))
		drained(t, s)
		if got := counts(t, conn, c.Database); got != fmt.Sprint(rows, " ", rows) {
			t.Errorf("kill %d: got %s, want %d", round+1, got, rows)
		}
	}
	ended(t, s)
}

// TestRealWindowIsAdded opens tables that were made without the memory for
// tokens.
func TestRealWindowIsAdded(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	s := opened(t, c, growing)
	engine := func() string {
		return ask(t, s.conn, "SELECT engine_full FROM system.tables WHERE database = '"+c.Database+"' AND name = 'growing'")
	}
	for _, change := range []string{"RESET SETTING " + windowName, "MODIFY SETTING " + windowName + " = 0"} {
		must(t, s.conn.Exec(t.Context(), "ALTER TABLE "+c.Database+".growing "+change))
		strict := c
		strict.Create = false
		err := New(strict).Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{growing}})
		if want := windowDDL(growing, Options{Database: c.Database}); err == nil || pipeline.IsRetryable(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		opened(t, c, growing)
		if got := engine(); !strings.Contains(got, windowSetting()) {
			t.Errorf("got %s", got)
		}
	}
	// A window of the user stays.
	must(t, s.conn.Exec(t.Context(), "ALTER TABLE "+c.Database+".growing MODIFY SETTING "+windowName+" = 500"))
	opened(t, c, growing)
	if got := engine(); !strings.Contains(got, windowName+" = 500") {
		t.Errorf("got %s", got)
	}
}
