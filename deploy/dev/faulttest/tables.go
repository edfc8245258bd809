package faulttest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// addresses are the columns of triggers that show a profile as it was known
// when the trigger left, which depends on how steps were cut.
var addresses = []string{"user_id", "loyalty_id", "device_id"}

// followOrder are the tables that follow the order between partitions.
var followOrder = []string{"identities", "identity_merges", "identity_overrides", "identity_conflicts", "triggers", "abandonments"}

// growing are the tables whose rows are never revised.
var growing = []string{"events", "dead_letters", "identity_merges", "identity_conflicts", "triggers"}

// views compares the current rows of all tables with the oracle's.
func (c *Checker) views(ctx context.Context, conn driver.Conn) (faults []string, err error) {
	names := func(database string) ([]string, error) {
		return queryTexts(ctx, conn, "SELECT name FROM system.tables WHERE database = ? AND name LIKE 'v\\_%' ORDER BY name", database)
	}
	got, err := names(c.Database)
	if err != nil {
		return nil, err
	}
	want, err := names(c.Oracle)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(got, want) || len(want) == 0 {
		return []string{fmt.Sprintf("views: there are %v, and the oracle's are %v", got, want)}, nil
	}
	for _, view := range want {
		table := strings.TrimPrefix(view, "v_")
		if !c.IsOrdered && slices.Contains(followOrder, table) {
			continue
		}
		found, err := c.view(ctx, conn, table)
		if err != nil {
			return faults, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

// view compares the rows of one view. A revision counts the steps in which the
// fact changed, which the oracle cuts otherwise.
func (c *Checker) view(ctx context.Context, conn driver.Conn, table string) (faults []string, err error) {
	columns, err := queryTexts(ctx, conn, "SELECT name FROM system.columns WHERE database = ? AND table = ? ORDER BY position", c.Oracle, "v_"+table)
	if err != nil {
		return nil, err
	}
	columns = slices.DeleteFunc(columns, func(name string) bool {
		return name == "revision" || table == "triggers" && slices.Contains(addresses, name) ||
			!c.IsOrdered && strings.HasSuffix(name, "profile_id")
	})
	query := func(database string) string {
		return "SELECT formatRowNoNewline('JSONCompactEachRow', `" + strings.Join(columns, "`, `") + "`) AS row FROM " + database + ".v_" + table + " ORDER BY row"
	}
	got, err := queryTexts(ctx, conn, query(c.Database))
	if err != nil {
		return nil, err
	}
	want, err := queryTexts(ctx, conn, query(c.Oracle))
	if err != nil {
		return nil, err
	}
	missing, extra := difference(want, got)
	faults = append(faults, unlessEmpty("v_"+table+": rows that only the oracle has", missing)...)
	return append(faults, unlessEmpty("v_"+table+": rows that the oracle does not have", extra)...), nil
}

// difference is what only a and only b have, of two sorted lists in which texts
// may stand several times.
func difference(a, b []string) (onlyA, onlyB []string) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			onlyA, a = append(onlyA, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			onlyB, b = append(onlyB, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return onlyA, onlyB
}

// doubled looks for rows that are there twice, without FINAL: of growing tables
// by their id, of the others by id and version.
func (c *Checker) doubled(ctx context.Context, conn driver.Conn) (faults []string, err error) {
	rows, err := conn.Query(ctx, "SELECT name, sorting_key FROM system.tables WHERE database = ? AND engine LIKE '%ReplacingMergeTree' ORDER BY name", c.Database)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var table, id string
		if err := rows.Scan(&table, &id); err != nil {
			return nil, err
		}
		if !slices.Contains(growing, table) {
			id += ", _version"
		}
		found, err := queryTexts(ctx, conn, "SELECT formatRowNoNewline('JSONCompactEachRow', "+id+", count(), groupUniqArray(hex(_block))) FROM "+
			c.Database+"."+table+" GROUP BY "+id+" HAVING count() > 1")
		if err != nil {
			return faults, err
		}
		faults = append(faults, unlessEmpty(table+": ids that are there several times (id, rows, blocks)", found)...)
	}
	return faults, rows.Err()
}
