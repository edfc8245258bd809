package filter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"touchstream/pipeline/spell"
)

// faults gathers everything that is wrong with one expression.
type faults struct {
	text string
	list []string
}

// at adds a fault at a node.
func (f *faults) at(n ast.Node, format string, args ...any) {
	f.add(n.Location().From, fmt.Sprintf(format, args...))
}

func (f *faults) add(rune0 int, message string) {
	line, column, seen := 1, 1, 0
	for _, r := range f.text {
		if seen == rune0 {
			break
		}
		seen++
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	where := fmt.Sprintf("column %d", column)
	if line > 1 {
		where = fmt.Sprintf("line %d, column %d", line, column)
	}
	f.list = append(f.list, where+": "+message)
}

// library adds an error of the expression library.
func (f *faults) library(err error) {
	var e *file.Error
	if errors.As(err, &e) {
		f.add(e.From, e.Message)
		return
	}
	f.list = append(f.list, err.Error())
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return errors.New(strings.Join(f.list, "; "))
}

// Suggest is what a fault about an unknown field says of the name that is most
// like it: nothing, or ": did you mean channel?".
func Suggest(name string) string {
	if near := spell.Nearest(name, Names()); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}
