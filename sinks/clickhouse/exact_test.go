package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// patience bounds what a test waits for.
const patience = 60 * time.Second

// reports collects what a sink reports.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) last() (err error, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errs) == 0 {
		return nil, false
	}
	return r.errs[len(r.errs)-1], true
}

// until polls for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// resumed is a sink that is not closed by itself, as of a process that dies.
func resumed(t *testing.T, c Config, o *pipeline.Opening) *Sink {
	t.Helper()
	s := New(c)
	must(t, s.Open(t.Context(), o))
	return s
}

func ended(t *testing.T, s *Sink) {
	t.Helper()
	must(t, s.Close(context.Background()))
}

func drained(t *testing.T, s *Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, s.Drain(ctx))
}

func directly(t *testing.T, addr string) driver.Conn {
	t.Helper()
	c := configFor(t, addr)
	conn, err := connect(&c)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func openingFor(t *testing.T, r *reports) *pipeline.Opening {
	return &pipeline.Opening{Tables: []*schema.Table{growing}, Generation: 7, Run: 9, Dir: t.TempDir(), Report: r.add}
}

// manyRows are rows of 100 bytes with an id of their own each.
func manyRows(from, n int) *schema.Rows {
	r := schema.NewRows(growing)
	for i := range n {
		addGrowing(r, march, fmt.Sprintf("%09d %s", from+i, strings.Repeat("x", 90)))
	}
	return r
}

// counts tells rows and different rows, as they are without FINAL.
func counts(t *testing.T, conn driver.Conn, database string) string {
	t.Helper()
	return ask(t, conn, "SELECT concat(toString(count()), ' ', toString(uniqExact(message_id))) FROM "+database+".growing")
}

// TestRealDeadProcess drops a sink in the middle of an insert and goes on with
// another from the state before. The first wakes up later.
func TestRealDeadProcess(t *testing.T) {
	server, proxy := devtest.NewProxiedClickHouse(t)
	conn := directly(t, server.Addr())
	c, r := configFor(t, proxy.Addr()), new(reports)
	o := openingFor(t, r)
	dead := resumed(t, c, o)
	commit(t, dead, pipeline.Cut{Number: 1, Clock: march, All: true}, manyRows(0, 10))
	must(t, dead.Release(t.Context(), 1))
	drained(t, dead)
	commit(t, dead, pipeline.Cut{Number: 2, Clock: march + 1}, manyRows(10, 10))
	state := mustState(t, dead)
	must(t, proxy.Slow(dev.ToServer, 100_000))
	decision := commit(t, dead, pipeline.Cut{Number: 3, Clock: march + 2, All: true}, manyRows(20, 5000))
	must(t, dead.Release(t.Context(), 3))
	until(t, "an insert is running", func() bool { return runningInserts(t, conn, c.Database) > 0 })
	must(t, proxy.HalfOpen())

	c.Addr = []string{server.Addr()}
	o.State = state
	s := resumed(t, c, o)
	must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: []*schema.Rows{manyRows(20, 5000)}}))
	if _, err := s.Cut(t.Context(), &pipeline.Cut{Number: 3, Clock: march + 2, All: true, Replay: true, Decision: decision}); err != nil {
		t.Fatal(err)
	}
	must(t, s.Release(t.Context(), 3))
	drained(t, s)
	if got := counts(t, conn, c.Database); got != "5020 5020" {
		t.Errorf("got %s", got)
	}
	must(t, proxy.Pass())
	drained(t, dead)
	if got := counts(t, conn, c.Database); got != "5020 5020" {
		t.Errorf("after the dead one woke up: got %s", got)
	}
	ended(t, dead)
	ended(t, s)
}

func runningInserts(t *testing.T, conn driver.Conn, database string) int {
	t.Helper()
	return len(strings.Fields(ask(t, conn, "SELECT 'x' FROM system.processes WHERE startsWith(query_id, 'touchstream-"+database+"')")))
}

// TestRealAnswerIsLost cuts the connection when the block is in and the answer
// under way.
func TestRealAnswerIsLost(t *testing.T) {
	server, proxy := devtest.NewProxiedClickHouse(t)
	conn := directly(t, server.Addr())
	c, r := configFor(t, proxy.Addr()), new(reports)
	s := resumed(t, c, openingFor(t, r))
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, manyRows(0, 1))
	must(t, s.Release(t.Context(), 1))
	drained(t, s) // the connection is there now
	for n := range int64(10) {
		// Somewhere in what the server says of an insert.
		must(t, proxy.CutAfter(dev.ToClient, 1+40*n))
		commit(t, s, pipeline.Cut{Number: n + 2, Clock: march, All: true}, manyRows(1+int(n), 1))
		must(t, s.Release(t.Context(), n+2))
		drained(t, s)
	}
	if got := counts(t, conn, c.Database); got != "11 11" {
		t.Errorf("got %s", got)
	}
	ended(t, s)
}

// TestRealBlackHole gives an insert up that nobody answers.
func TestRealBlackHole(t *testing.T) {
	server, proxy := devtest.NewProxiedClickHouse(t)
	conn := directly(t, server.Addr())
	c, r := configFor(t, proxy.Addr()), new(reports)
	c.TimeoutMs = 1000
	s := resumed(t, c, openingFor(t, r))
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, manyRows(0, 10))
	must(t, s.Release(t.Context(), 1))
	drained(t, s)
	must(t, proxy.BlackHole())
	commit(t, s, pipeline.Cut{Number: 2, Clock: march, All: true}, manyRows(10, 10))
	must(t, s.Release(t.Context(), 2))
	until(t, "a report", func() bool { err, ok := r.last(); return ok && pipeline.IsRetryable(err) })
	must(t, proxy.Pass())
	drained(t, s)
	until(t, "good news", func() bool { err, ok := r.last(); return ok && err == nil })
	if got := counts(t, conn, c.Database); got != "20 20" {
		t.Errorf("got %s", got)
	}
	ended(t, s)
}

// TestRealTooManyParts lets a server refuse parts: blocks grow until it takes
// them again.
func TestRealTooManyParts(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	s := resumed(t, c, openingFor(t, r))
	conn := s.conn
	table := c.Database + ".growing"
	must(t, conn.Exec(t.Context(), "SYSTEM STOP MERGES "+table))
	must(t, conn.Exec(t.Context(), "ALTER TABLE "+table+" MODIFY SETTING parts_to_throw_insert = 3"))
	const commits = 40
	for n := range int64(commits) {
		commit(t, s, pipeline.Cut{Number: n + 1, Clock: march + 1000*n}, manyRows(int(n), 1))
		must(t, s.Release(t.Context(), n+1))
		if n < 3 {
			drained(t, s)
		} else {
			until(t, "too many parts", func() bool {
				err, ok := r.last()
				return ok && pipeline.IsRetryable(err) && strings.Contains(err.Error(), "Too many parts")
			})
		}
	}
	must(t, conn.Exec(t.Context(), "ALTER TABLE "+table+" RESET SETTING parts_to_throw_insert"))
	must(t, conn.Exec(t.Context(), "SYSTEM START MERGES "+table))
	drained(t, s)
	commit(t, s, pipeline.Cut{Number: commits + 1, Clock: march + 1000*commits}, manyRows(commits, 1))
	must(t, s.Release(t.Context(), commits+1))
	drained(t, s)
	if got := counts(t, conn, c.Database); got != fmt.Sprint(commits+1, " ", commits+1) {
		t.Errorf("got %s", got)
	}
	if got := ask(t, conn, "SELECT toString(uniqExact(_block)) FROM "+table); got != "5" {
		t.Errorf("%s blocks, want 3 before, 1 that was refused and 1 that grew", got)
	}
	ended(t, s)
}

// TestRealFailureForGood reports a table that is gone.
func TestRealFailureForGood(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	s := resumed(t, c, openingFor(t, r))
	must(t, s.conn.Exec(t.Context(), "DROP TABLE "+c.Database+".growing SYNC"))
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, manyRows(0, 1))
	must(t, s.Release(t.Context(), 1))
	err := s.Drain(t.Context())
	if err == nil || pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "start again to have it made") {
		t.Errorf("Drain: %v", err)
	}
	until(t, "a report", func() bool {
		err, ok := r.last()
		return ok && err != nil && !pipeline.IsRetryable(err)
	})
	if _, err := s.Cut(t.Context(), &pipeline.Cut{Number: 2}); err == nil || pipeline.IsRetryable(err) {
		t.Errorf("Cut: %v", err)
	}
	ended(t, s)
}

// TestRealSpoolFileIsLost asks the server for blocks whose file is not good.
func TestRealSpoolFileIsLost(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	o := openingFor(t, r)
	s := resumed(t, c, o)
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, manyRows(0, 7))
	p := s.queue.parcels[0]
	o.State = mustState(t, s)
	path := s.spool.path(p.number, blockFile)
	ended(t, s)

	// The file is good: the block goes in, and the file goes.
	must(t, os.WriteFile(s.spool.path(1, blockFile), []byte("left by a crash"), 0o644))
	s = resumed(t, c, o)
	must(t, s.Release(t.Context(), 1))
	drained(t, s)
	ended(t, s)
	for _, gone := range []string{path, s.spool.path(1, blockFile)} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	// A marker says that it went in, for as long as the state is used; without
	// the marker the server says so.
	marker := s.spool.path(p.number, deliveredFile)
	for range 2 {
		if _, err := os.Stat(marker); err != nil {
			t.Error(err)
		}
		ended(t, resumedEmpty(t, c, o))
	}
	must(t, os.Remove(marker))
	ended(t, resumedEmpty(t, c, o))
	must(t, os.WriteFile(path, []byte("torn"), 0o644))
	ended(t, resumedEmpty(t, c, o))
	// The server does not have it.
	must(t, directly(t, c.Addr[0]).Exec(t.Context(), "TRUNCATE TABLE "+c.Database+".growing"))
	err := New(c).Open(t.Context(), o)
	if !errors.Is(err, pipeline.ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprintf("block %x with 7 rows of table growing", p.number)) {
		t.Errorf("got %v", err)
	}
}

// resumedEmpty is a sink that has found everything delivered.
func resumedEmpty(t *testing.T, c Config, o *pipeline.Opening) *Sink {
	t.Helper()
	s := resumed(t, c, o)
	if s.Waiting() != 0 {
		t.Errorf("%d rows wait", s.Waiting())
	}
	return s
}

// TestRealPartitionsAreNamedAsTheServerDoes finds blocks of far months.
func TestRealPartitionsAreNamedAsTheServerDoes(t *testing.T) {
	c, r := configFor(t, devtest.ClickHouse(t)), new(reports)
	o := openingFor(t, r)
	o.Tables = []*schema.Table{growing, everything, overrides}
	s := resumed(t, c, o)
	g, e, u := schema.NewRows(growing), schema.NewRows(everything), schema.NewRows(overrides)
	for i, year := range []int{1900, 1969, 1970, 2026, 2105, 2107, 2299} {
		at := time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
		addGrowing(g, at, fmt.Sprint(i))
		if year >= 1970 {
			addEverything(e, at, byte(i), "p", 1, false)
		}
	}
	u.Begin()
	u.String("a")
	u.String("b")
	u.Int(1)
	u.End()
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, g, e, u)
	blocks := append([]*parcel(nil), s.queue.parcels...)
	must(t, s.Release(t.Context(), 1))
	drained(t, s)
	for _, p := range blocks {
		done, err := s.sender.settle(t.Context(), p)
		must(t, err)
		if !done {
			t.Errorf("block of %s in %d is not found: the server has %s", p.table.Name, p.month,
				ask(t, s.conn, "SELECT DISTINCT _partition_id FROM "+c.Database+"."+p.table.Name+fmt.Sprintf(" WHERE _block = %d", p.number)))
		}
	}
	ended(t, s)
}

func TestSettlingStatements(t *testing.T) {
	p := &parcel{partition: partition{growing, 2026_03}, number: 0xabc}
	f := func(s *sender, kill, count, token string) {
		t.Helper()
		if got := s.killStatement(p); got != kill {
			t.Errorf("got  %s\nwant %s", got, kill)
		}
		if got := s.countStatement(p); got != count {
			t.Errorf("got  %s\nwant %s", got, count)
		}
		if got := p.token(); got != token {
			t.Errorf("token %s, want %s", got, token)
		}
	}
	one := Config{Database: "o'db"}
	f(&sender{cfg: one}, `KILL QUERY WHERE startsWith(query_id, 'touchstream-o\'db-growing-abc-') SYNC`,
		"SELECT count() FROM `o'db`.`growing` WHERE _partition_id = '202603' AND _block = 2748", "touchstream-abc")
	p.stale = 2
	f(&sender{cfg: Config{Database: "db", Cluster: "main"}}, `KILL QUERY ON CLUSTER 'main' WHERE startsWith(query_id, 'touchstream-db-growing-abc-') SYNC`,
		"SELECT count() FROM clusterAllReplicas('main', `db`.`growing`) WHERE _partition_id = '202603' AND _block = 2748", "touchstream-abc-2")
	p.stale = 0
	f(&sender{cfg: Config{Database: "db", Cluster: "main"}, replicated: map[string]bool{"growing": true}}, `KILL QUERY WHERE startsWith(query_id, 'touchstream-db-growing-abc-') SYNC`,
		"SELECT count() FROM `db`.`growing` WHERE _partition_id = '202603' AND _block = 2748", "touchstream-abc")
}
