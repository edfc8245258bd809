package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// columnsMax is the number of units up to which a suite is one table; beyond
// it each benchmark is a list.
const columnsMax = 8

// show prints a table of each suite.
func show(out io.Writer, results []result) error {
	for len(results) > 0 {
		suite := results[0].Suite
		end := slices.IndexFunc(results, func(r result) bool { return r.Suite != suite })
		if end < 0 {
			end = len(results)
		}
		if err := table(out, suite, results[:end]); err != nil {
			return err
		}
		results = results[end:]
	}
	return nil
}

func table(out io.Writer, suite string, rows []result) error {
	units := unitsOf(rows)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(units) > columnsMax {
		for i := range rows {
			fmt.Fprintf(w, "\n%s: %s\n", suite, rows[i].Name)
			for _, m := range rows[i].Metrics {
				fmt.Fprintf(w, "%s\t  %s\n", figure(m.Value), m.Unit)
			}
		}
		return w.Flush()
	}
	fmt.Fprintf(w, "\n%s\t%s\t\n", suite, strings.Join(units, "\t"))
	for i := range rows {
		fmt.Fprint(w, rows[i].Name, "\t")
		for _, unit := range units {
			if v, ok := rows[i].metric(unit); ok {
				fmt.Fprint(w, figure(v))
			}
			fmt.Fprint(w, "\t")
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// unitsOf are all units in the order in which they are first met.
func unitsOf(rows []result) []string {
	var units []string
	for i := range rows {
		for _, m := range rows[i].Metrics {
			if !slices.Contains(units, m.Unit) {
				units = append(units, m.Unit)
			}
		}
	}
	return units
}

func (r *result) metric(unit string) (float64, bool) {
	for _, m := range r.Metrics {
		if m.Unit == unit {
			return m.Value, true
		}
	}
	return 0, false
}

// figure writes a number with four digits that count, and commas.
func figure(v float64) string {
	if math.Abs(v) < 1000 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	sign := ""
	if v < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return sign + strings.Join(groups, ",")
}
