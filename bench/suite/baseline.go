package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// baseline are the runs that later ones are compared with, one for each kind of
// processor: a ratio says how well code fits one.
type baseline []record

func readBaseline(path string) (baseline, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b baseline
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// put takes a run in place of that of the same processor.
func (b baseline) put(r *record) baseline {
	b = slices.DeleteFunc(b, func(x record) bool { return x.Machine.CPU == r.Machine.CPU })
	b = append(b, *r)
	slices.SortFunc(b, func(x, y record) int { return cmp.Compare(x.Machine.CPU, y.Machine.CPU) })
	return b
}

// bound is a ratio that must be reached, and where it was measured.
type bound struct {
	value float64
	on    *machine
}

// bounds are the ratios that were measured on the processor, by name; of one
// that no run was on, the lowest of all runs.
func (b baseline) bounds(cpu string) map[string]bound {
	list := map[string]bound{}
	for i := range b {
		r := &b[i]
		for name, v := range ratios(r.Results) {
			if old, ok := list[name]; !ok || r.Machine.CPU == cpu || old.on.CPU != cpu && v < old.value {
				list[name] = bound{v, &r.Machine}
			}
		}
	}
	return list
}

// holds reports whether any run has results of the suite.
func (b baseline) holds(suite string) bool {
	return slices.ContainsFunc(b, func(r record) bool { return slices.Contains(r.Suites, suite) })
}

// writeBaseline measures and writes this processor's part of the baseline anew.
func (o *options) writeBaseline(ctx context.Context, out io.Writer) error {
	b, err := readBaseline(o.baseline)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	r, err := o.measure(ctx, out)
	if err != nil {
		return err
	}
	return r.keep(out, o.baseline, b.put(r))
}
