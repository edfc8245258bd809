package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"touchstream/pipeline/schema"
)

// TestLanesGiveEqualBytes runs one world twice for each format; neither the
// run nor the number of lanes may show in any byte.
func TestLanesGiveEqualBytes(t *testing.T) {
	dir := t.TempDir()
	generated(t).topics(t, dir)
	for _, format := range []string{"jsonl", "csv", "parquet", "arrow"} {
		t.Run(format, func(t *testing.T) {
			run := func(lanes int) map[string][]byte {
				out := fmt.Sprintf("%s-%d", format, lanes)
				bounded(t, write(t, dir, out+".yaml", fmt.Sprintf(
					"name: world\nlanes: %d\nsinks: {local: {file: {dir: %s, format: %s}}}\n", lanes, out, format)+fileOfEach()+worldOperators), nil)
				return folder(t, filepath.Join(dir, out))
			}
			one, four := run(1), run(4)
			if len(one) < 12 || len(one) != len(four) {
				t.Fatalf("%d files with one lane, %d with four", len(one), len(four))
			}
			for name, want := range one {
				if !bytes.Equal(want, four[name]) {
					t.Errorf("%s differs between 1 and 4 lanes: %s", name, firstDifference(want, four[name]))
				}
				if len(want) == 0 && format != "jsonl" {
					t.Errorf("%s is empty", name)
				}
			}
		})
	}
}

func firstDifference(a, b []byte) string {
	la, lb := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(la), len(lb)) {
		if !bytes.Equal(la[i], lb[i]) {
			return fmt.Sprintf("line %d\n%.400q\n%.400q", i+1, la[i], lb[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(la), len(lb))
}

// TestStepCutsGiveEqualRows runs one world with small and with large steps; the
// final rows are the same, also those of profiles that merge.
func TestStepCutsGiveEqualRows(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	run := func(name string, records int) string {
		bounded(t, write(t, dir, name+".yaml", fmt.Sprintf(
			"name: world\nstep: {max_records: %d}\nsinks: {local: {file: {dir: %s}}}\n", records, name)+oneFile+worldOperators), nil)
		return filepath.Join(dir, name)
	}
	small, large := run("small", 41), run("large", 65_536)
	for _, table := range worldTables(t, filepath.Join(dir, "large.yaml")) {
		got, want := rows(t, small, table.Name), rows(t, large, table.Name)
		if len(want) == 0 && table.Name != "identity_conflicts" {
			t.Errorf("%s: no rows to compare", table.Name)
		}
		var leftOut []string
		if table.Name == "triggers" {
			leftOut = []string{"user_id", "loyalty_id", "device_id"} // as known when the trigger leaves
		}
		compareTable(t, "steps of 41 records", table, got, want, leftOut...)
	}
}

// worldTables are the tables of a configuration.
func worldTables(t *testing.T, config string) []*schema.Table {
	t.Helper()
	b, err := load(config, buildOptions{bounded: true})
	if err != nil {
		t.Fatal(err)
	}
	return b.tables
}

// compareTable compares the final rows of a table, without their revision and
// without the columns left out.
func compareTable(t *testing.T, what string, table *schema.Table, got, want []row, leftOut ...string) {
	t.Helper()
	compareTexts(t, what+": "+table.Name, finalTexts(table, got, leftOut), finalTexts(table, want, leftOut))
}

// compareTexts compares sorted texts and shows some that one side lacks.
func compareTexts(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	only := func(x, y []string) (out []string) {
		for _, s := range x {
			if _, found := slices.BinarySearch(y, s); !found && len(out) < 3 {
				out = append(out, s)
			}
		}
		return out
	}
	t.Errorf("%s: %d final rows, want %d\nnot wanted: %.1500q\nmissing:    %.1500q", what, len(got), len(want), only(got, want), only(want, got))
}

// finalTexts are the final rows as sorted texts. A table without revisions has
// all its rows.
func finalTexts(table *schema.Table, all []row, leftOut []string) []string {
	if table.Revisable {
		all = final(all, table.ID...)
	}
	out := make([]string, 0, len(all))
	for _, r := range all {
		var columns []string
		for _, c := range table.Columns {
			if c.Name != "revision" && !slices.Contains(leftOut, c.Name) {
				columns = append(columns, c.Name)
			}
		}
		out = append(out, r.text(columns...))
	}
	slices.Sort(out)
	return out
}
