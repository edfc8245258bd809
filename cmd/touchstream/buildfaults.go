package main

import (
	"errors"
	"slices"
	"strings"

	"touchstream/pipeline/config"
)

// note keeps the faults of an error and returns what is no fault. What has no
// faults is built and checked on, so that one run reports all there are.
func (b *built) note(err error) error {
	var faults config.Faults
	if !errors.As(err, &faults) {
		return err
	}
	b.faults = append(b.faults, faults...)
	return nil
}

// named places faults of a file as a whole, such as that there is none, at the
// key that names it.
func named(err error, at config.Pos) error {
	var faults config.Faults
	if !errors.As(err, &faults) {
		return err
	}
	var out config.Faults
	for _, f := range faults {
		if f.Line == 0 {
			f = at.Fault("%s: %s", f.File, f.Message)
		}
		out = append(out, f)
	}
	return out
}

// clean reports whether a part of the configuration has no faults so far.
func (b *built) clean(path string) bool {
	return !slices.ContainsFunc(b.faults, func(f config.Fault) bool {
		return f.File == b.file.Name() && (f.Path == path || strings.HasPrefix(f.Path, path+".") || strings.HasPrefix(f.Path, path+"["))
	})
}

// fault notes a fault at a position.
func (b *built) fault(at config.Pos, format string, args ...any) {
	b.faults = append(b.faults, at.Fault(format, args...))
}
