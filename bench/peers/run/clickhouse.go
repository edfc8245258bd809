package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"touchstream/bench/peers/fact"
	"touchstream/deploy/dev"
	"touchstream/sources/generator"
)

// insertRows are those of one insert: ten seconds of the workload.
const insertRows = 10_000

// tables take raw records through a table that keeps nothing, whose view reads
// each record once and keeps what the jobs use.
var tables = []string{
	`CREATE TABLE incoming (line String) ENGINE = Null`,
	`CREATE TABLE events (key String, name LowCardinality(String), at Int64, amount Int64) ENGINE = MergeTree ORDER BY (key, at)`,
	`CREATE MATERIALIZED VIEW reading TO events AS
		WITH JSONExtract(line, 'Tuple(type String, event String, timestamp String, anonymousId String,
			properties Tuple(products Array(Tuple(price Decimal64(4), quantity Decimal64(4)))))') AS c
		SELECT c.anonymousId AS key, if(c.event = '', c.type, c.event) AS name,
			toUnixTimestamp64Milli(parseDateTime64BestEffort(c.timestamp, 3, 'UTC')) AS at,
			toInt64(arraySum(p -> p.1 * p.2, c.properties.products) * 10000) AS amount
		FROM incoming`,
}

// counting adds the counts as events come in; rows of one window are added up
// by merges and by who reads.
var counting = []string{
	`CREATE TABLE counts (event LowCardinality(String), start Int64, events UInt64) ENGINE = SummingMergeTree ORDER BY (event, start)`,
	fmt.Sprintf(`CREATE MATERIALIZED VIEW count TO counts AS
		SELECT name AS event, intDiv(at, %d) * %[1]d AS start, count() AS events FROM events GROUP BY event, start`, fact.WindowMS),
}

// sessionsQuery cuts the events of each key where the gap is too long.
var sessionsQuery = fmt.Sprintf(`
	SELECT key, min(at) AS start, max(at) AS end, count() AS events, countIf(name IN ('page', 'screen')) AS page_views,
		countIf(name = 'Product Viewed') AS product_views, countIf(name = 'Product Added') AS adds,
		countIf(name = 'Order Completed') AS orders, sumIf(amount, name = 'Order Completed') AS revenue
	FROM (
		SELECT key, name, at, amount,
			sum(begins) OVER (PARTITION BY key ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS no
		FROM (
			SELECT key, name, at, amount,
				at - lagInFrame(at, 1, at) OVER (PARTITION BY key ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) > %d AS begins
			FROM events))
	GROUP BY key, no`, fact.GapMS)

const countsQuery = `SELECT CAST(event, 'String') AS event, start, toInt64(sum(events)) AS events FROM counts GROUP BY event, start`

// runClickHouse inserts the raw records; sessions are computed anew by SQL
// over all events at every minute of data, counts as the events come in.
func runClickHouse(ctx context.Context, b *bench) (err error) {
	before, err := children()
	if err != nil {
		return err
	}
	engine, err := dev.StartClickHouse(ctx, dev.Config{Dir: filepath.Join(b.dir, "clickhouse"), Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Stop()) }()
	after, err := children()
	if err != nil {
		return err
	}
	pid := 0
	for p := range after {
		if !before[p] {
			pid = p
		}
	}
	if pid == 0 {
		return errors.New("the engine's process was not found")
	}
	client, err := ch.Dial(ctx, ch.Options{Address: engine.Addr(), DialTimeout: 5 * time.Second, ReadTimeout: 5 * time.Minute})
	if err != nil {
		return err
	}
	defer client.Close()
	server := client.ServerInfo()
	c := &clickHouse{b: b, client: client, pid: pid, version: fmt.Sprintf("%d.%d.%d", server.Major, server.Minor, server.Patch)}
	if err := c.sessions(ctx); err != nil {
		return err
	}
	return c.windows(ctx)
}

type clickHouse struct {
	b       *bench
	client  *ch.Client
	pid     int
	version string
}

func (c *clickHouse) do(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if err := c.client.Do(ctx, ch.Query{Body: s}); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// measure is what the engine's process took for f.
func (c *clickHouse) measure(f func() error) (cost, error) {
	began := time.Now()
	from, err := processCPU(c.pid)
	if err != nil {
		return cost{}, err
	}
	if err := f(); err != nil {
		return cost{}, err
	}
	to, err := processCPU(c.pid)
	return cost{to - from, time.Since(began), peakMemory(c.pid)}, err
}

// insert inserts all records and calls minute at each minute of data.
func (c *clickHouse) insert(ctx context.Context, minute func() error) error {
	var block proto.ColStr
	send := func() error {
		if block.Rows() == 0 {
			return nil
		}
		err := c.client.Do(ctx, ch.Query{Body: "INSERT INTO incoming (line) VALUES", Input: proto.Input{{Name: "line", Data: &block}}})
		block.Reset()
		return err
	}
	next := generator.DefaultStart + time.Minute.Milliseconds()
	err := each(c.b.events, func(r *generator.Record) error {
		if block.Rows() == insertRows {
			if err := send(); err != nil {
				return err
			}
		}
		if r.ArrivalMS >= next {
			next += time.Minute.Milliseconds()
			if err := send(); err != nil {
				return err
			}
			if err := minute(); err != nil {
				return err
			}
		}
		block.AppendBytes(r.Value)
		return nil
	})
	return errors.Join(err, send())
}

func (c *clickHouse) sessions(ctx context.Context) error {
	if err := c.do(ctx, tables...); err != nil {
		return err
	}
	nothing := func() error { return nil }
	inserted, err := c.measure(func() error { return c.insert(ctx, nothing) })
	if err != nil {
		return err
	}
	rows, once, err := c.readSessions(ctx)
	if err != nil {
		return err
	}
	d := fact.Compare(c.b.facts["file "+jobSessions].sessions, rows)
	row := result{Job: jobSessions, System: "ClickHouse", Version: c.version, Events: c.b.events}
	row.Settings = "inserts and one query at the end"
	c.b.add(row, cost{inserted.cpu + once.cpu, inserted.wall + once.wall, once.peak}, d)

	if err := c.do(ctx, "TRUNCATE TABLE events"); err != nil {
		return err
	}
	refreshes := 0
	refreshed, err := c.measure(func() error {
		return c.insert(ctx, func() error {
			refreshes++
			return c.do(ctx, sessionsQuery+" FORMAT Null")
		})
	})
	if err != nil {
		return err
	}
	rows, once, err = c.readSessions(ctx)
	if err != nil {
		return err
	}
	row.Settings = fmt.Sprintf("inserts and a query at each of %d minutes of data", refreshes+1)
	c.b.add(row, cost{refreshed.cpu + once.cpu, refreshed.wall + once.wall, once.peak}, fact.Compare(c.b.facts["file "+jobSessions].sessions, rows))
	return c.do(ctx, "TRUNCATE TABLE events")
}

// readSessions reads the sessions of all events.
func (c *clickHouse) readSessions(ctx context.Context) (rows []fact.Session, took cost, err error) {
	var key proto.ColStr
	var start, end, revenue proto.ColInt64
	var counts [5]proto.ColUInt64
	took, err = c.measure(func() error {
		return c.client.Do(ctx, ch.Query{
			Body: sessionsQuery,
			Result: proto.Results{
				{Name: "key", Data: &key}, {Name: "start", Data: &start}, {Name: "end", Data: &end}, {Name: "events", Data: &counts[0]},
				{Name: "page_views", Data: &counts[1]}, {Name: "product_views", Data: &counts[2]}, {Name: "adds", Data: &counts[3]},
				{Name: "orders", Data: &counts[4]}, {Name: "revenue", Data: &revenue},
			},
			OnResult: func(_ context.Context, block proto.Block) error {
				n := func(col, i int) int64 { return int64(counts[col][i]) }
				for i := range block.Rows {
					rows = append(rows, fact.Session{Key: key.Row(i), Start: start[i], End: end[i], Events: n(0, i),
						PageViews: n(1, i), ProductViews: n(2, i), Adds: n(3, i), Orders: n(4, i), Revenue: revenue[i]})
				}
				return nil
			},
		})
	})
	return rows, took, err
}

func (c *clickHouse) windows(ctx context.Context) error {
	if err := c.do(ctx, counting...); err != nil {
		return err
	}
	var rows []fact.Window
	var event proto.ColStr
	var start, events proto.ColInt64
	took, err := c.measure(func() error {
		if err := c.insert(ctx, func() error { return c.do(ctx, countsQuery+" FORMAT Null") }); err != nil {
			return err
		}
		return c.client.Do(ctx, ch.Query{
			Body:   countsQuery,
			Result: proto.Results{{Name: "event", Data: &event}, {Name: "start", Data: &start}, {Name: "events", Data: &events}},
			OnResult: func(_ context.Context, block proto.Block) error {
				for i := range block.Rows {
					rows = append(rows, fact.Window{Event: event.Row(i), Start: start[i], Events: events[i]})
				}
				return nil
			},
		})
	})
	if err != nil {
		return err
	}
	c.b.add(result{Job: jobWindows, System: "ClickHouse", Version: c.version, Settings: "materialized view into SummingMergeTree, read at each minute of data", Events: c.b.events},
		took, fact.Compare(c.b.facts["file "+jobWindows].windows, rows))
	return nil
}
