package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// demoQueries are what an analyst might ask first. Each gives texts.
var demoQueries = []struct{ question, sql string }{
	{"How many purchases were researched in the other world?",
		"SELECT direction, toString(count()) AS lines, toString(sum(revenue)) AS revenue FROM v_ropo GROUP BY direction ORDER BY count() DESC, direction"},
	{"What became of left carts?",
		"SELECT stage, state, toString(count()) AS episodes, toString(sum(value)) AS value FROM v_abandonments GROUP BY stage, state ORDER BY stage, count() DESC, state"},
	{"Which sessions end in an order, by channel?",
		"SELECT channel, toString(count()) AS sessions, toString(countIf(orders > 0)) AS with_order, toString(round(100 * countIf(orders > 0) / count(), 1)) AS percent FROM v_sessions GROUP BY channel ORDER BY count() DESC, channel"},
	{"Which zones are busiest?",
		"SELECT store_id, zone_id, toString(round(max(occupancy_max), 1)) AS people_max, toString(sum(entries)) AS entries FROM v_crowd GROUP BY store_id, zone_id ORDER BY max(occupancy_max) DESC, store_id, zone_id LIMIT 5"},
	{"What sells best?",
		"SELECT category, toString(sum(revenue)) AS sold FROM v_window_revenue_by_category GROUP BY category ORDER BY sum(revenue) DESC LIMIT 5"},
}

// demoReport prints the rows of every table and some answers.
func demoReport(out io.Writer, addr string, b *built) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: "demo"}})
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, t := range b.tables {
		var n uint64
		if err := conn.QueryRow(ctx, "SELECT count() FROM v_"+t.Name).Scan(&n); err != nil {
			return fmt.Errorf("v_%s: %w", t.Name, err)
		}
		fmt.Fprintf(w, "%s\t%d\n", t.Name, n)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, q := range demoQueries {
		fmt.Fprintf(out, "\n%s\n  %s\n", q.question, q.sql)
		if err := printAnswer(ctx, out, conn, q.sql); err != nil {
			return fmt.Errorf("%s: %w", q.sql, err)
		}
	}
	return nil
}

func printAnswer(ctx context.Context, out io.Writer, conn driver.Conn, sql string) error {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "  %s\n", strings.Join(rows.Columns(), "\t"))
	for rows.Next() {
		texts := make([]string, len(rows.Columns()))
		targets := make([]any, len(texts))
		for i := range texts {
			targets[i] = &texts[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(texts, "\t"))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.Flush()
}
