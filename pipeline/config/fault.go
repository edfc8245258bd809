package config

import (
	"fmt"
	"sort"
	"strings"
)

// A Pos is the place of a key or of a list's element, for faults found later.
type Pos struct {
	File         string
	Line, Column int    // from 1; 0 = the file as a whole
	Path         string // such as operators.sessions.gap
}

// Fault makes a fault at the position.
func (p Pos) Fault(format string, args ...any) Fault {
	return Fault{Pos: p, Message: fmt.Sprintf(format, args...)}
}

// A Fault is one thing wrong with a configuration.
type Fault struct {
	Pos
	Message string
}

// Error reads file.yaml:12:5: operators.sessions.gap: message.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path)
		b.WriteString(": ")
	}
	b.WriteString(f.Message)
	return b.String()
}

// Faults are all that is wrong with a configuration, one line each. A command
// that gets them exits with code 2.
type Faults []Fault

// Error joins the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the faults sorted by position, without repetitions, or nil if
// there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	sorted := append(Faults(nil), f...)
	sort.SliceStable(sorted, func(i, j int) bool {
		a, b := &sorted[i], &sorted[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	distinct := sorted[:0]
	seen := make(map[Fault]bool, len(sorted))
	for _, fault := range sorted {
		if !seen[fault] {
			seen[fault] = true
			distinct = append(distinct, fault)
		}
	}
	return distinct
}
