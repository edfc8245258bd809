package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

const (
	ratioUnit = "ratio"
	// fallMax is the share of the baseline's ratio that may be lost.
	fallMax = 0.15
)

// check measures the ratios and compares each with the baseline. More is
// better. What has fallen is measured again, since other work on the machine
// can make it fall: the best of all tries counts.
func (o *options) check(ctx context.Context, out io.Writer) error {
	base, err := readBaseline(o.baseline)
	if err != nil {
		return err
	}
	here := describe()
	want := base.bounds(here.CPU)
	if len(want) == 0 {
		return fmt.Errorf("%s has no ratios: write it anew", o.baseline)
	}
	binary, done, err := buildHere(ctx)
	if err != nil {
		return err
	}
	defer done()
	best := map[string]float64{}
	for try := 0; try == 0 || try < o.tries && fallen(want, best) != nil; try++ {
		for i := range suites {
			s := &suites[i]
			if !s.ratios || !base.holds(s.name) {
				continue
			}
			list, err := s.execute(ctx, binary, "bench", o.short, io.Discard)
			if err != nil {
				return err
			}
			for name, v := range ratios(list) {
				best[name] = max(best[name], v)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		base := want[name]
		fmt.Fprintf(out, "%s: %s, baseline %s (%+.0f %%) of %s\n", name, figure(best[name]), figure(base.value), 100*(best[name]/base.value-1), base.on.CPU)
	}
	if err := fallen(want, best); err != nil {
		return fmt.Errorf("%w\nhere: %s", err, &here)
	}
	return nil
}

// ratios are the values of the suites of ratios by name.
func ratios(list []result) map[string]float64 {
	values := map[string]float64{}
	for i := range list {
		s, err := named(list[i].Suite)
		if v, ok := list[i].metric(ratioUnit); ok && err == nil && s.ratios {
			values[list[i].Name] = v
		}
	}
	return values
}

// fallen names the ratios that are too far below the baseline's.
func fallen(want map[string]bound, got map[string]float64) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		base := want[name]
		v, ok := got[name]
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("%s was not measured", name))
		case v < base.value*(1-fallMax):
			faults = append(faults, fmt.Errorf("%s is %s, more than %.0f %% below the baseline's %s of %s", name, figure(v), 100*fallMax, figure(base.value), base.on))
		}
	}
	return errors.Join(faults...)
}
