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
	ratiosSuite = "ratios"
	ratioUnit   = "ratio"
	// fallMax is the share of the baseline's ratio that may be lost.
	fallMax = 0.15
)

// check measures the ratios and compares each with the baseline. More is
// better. What has fallen is measured again, since other work on the machine
// can make it fall: the best of all tries counts.
func (o *options) check(ctx context.Context, out io.Writer) error {
	base, err := readRecord(o.baseline)
	if err != nil {
		return err
	}
	want := ratios(base.Results)
	if len(want) == 0 {
		return fmt.Errorf("%s has no ratios: write it anew with the suite %s", o.baseline, ratiosSuite)
	}
	s, err := named(ratiosSuite)
	if err != nil {
		return err
	}
	binary, done, err := buildHere(ctx)
	if err != nil {
		return err
	}
	defer done()
	best := map[string]float64{}
	for try := 0; try == 0 || try < o.tries && fallen(want, best) != nil; try++ {
		list, err := s.execute(ctx, binary, "bench", o.short, io.Discard)
		if err != nil {
			return err
		}
		for name, v := range ratios(list) {
			best[name] = max(best[name], v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		fmt.Fprintf(out, "%s: %s, baseline %s (%+.0f %%)\n", name, figure(best[name]), figure(want[name]), 100*(best[name]/want[name]-1))
	}
	if err := fallen(want, best); err != nil {
		return fmt.Errorf("%w\nbaseline: %s of %s\nhere: load average %s", err, o.baseline, &base.Machine, load())
	}
	return nil
}

// ratios are the values of the suite ratios by name.
func ratios(list []result) map[string]float64 {
	values := map[string]float64{}
	for i := range list {
		if v, ok := list[i].metric(ratioUnit); ok && list[i].Suite == ratiosSuite {
			values[list[i].Name] = v
		}
	}
	return values
}

// fallen names the ratios that are too far below the baseline's.
func fallen(want, got map[string]float64) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		base := want[name]
		v, ok := got[name]
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("%s was not measured", name))
		case v < base*(1-fallMax):
			faults = append(faults, fmt.Errorf("%s is %s, more than %.0f %% below the baseline's %s", name, figure(v), 100*fallMax, figure(base)))
		}
	}
	return errors.Join(faults...)
}
