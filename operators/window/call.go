package window

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
)

// call is an aggregate as the user writes it: function(operand, number).
type call struct {
	function string
	operand  operand
	has      bool // an operand is given
	number   float64
	integer  int
}

// function declares an aggregate.
type function struct {
	operand  need
	kinds    []event.Kind // that it takes; nil: all
	numberOf string       // what the second argument is; empty: there is none
	build    func(c *call, f *feed) aggregate
}

type need uint8

const (
	required need = iota
	optional
)

var (
	numeric  = []event.Kind{event.Number, event.Money, event.Float, event.Flag}
	measured = []event.Kind{event.Number, event.Money, event.Float}
)

// functions are the aggregates by name.
func functions() map[string]function {
	return map[string]function{
		"count":      {operand: optional, build: newCount},
		"sum":        {kinds: numeric, build: newSum},
		"avg":        {kinds: numeric, build: newAvg},
		"stddev":     {kinds: numeric, build: newStddev},
		"min":        {build: newMin},
		"max":        {build: newMax},
		"first":      {build: newFirst},
		"last":       {build: newLast},
		"uniq":       {build: newUniq},
		"uniq_exact": {build: newUniqExact},
		"quantile":   {kinds: measured, numberOf: "a share from 0 to 1", build: newQuantile},
		"top":        {numberOf: "a whole number from 1 to 1000", build: newTop},
	}
}

const functionNames = "count, sum, min, max, avg, first, last, uniq, uniq_exact, quantile, top, stddev"

// parseCall reads an aggregate. The error is a sentence.
func parseCall(text string) (*call, error) {
	name, rest, ok := strings.Cut(strings.TrimSpace(text), "(")
	name = strings.TrimSpace(name)
	f, known := functions()[name]
	switch {
	case !known && ok:
		return nil, fmt.Errorf("%s is no aggregate; there are %s", name, functionNames)
	case !ok || !strings.HasSuffix(rest, ")"):
		return nil, fmt.Errorf("%q is no call of an aggregate such as sum(amount)", text)
	}
	c := &call{function: name}
	args := arguments(strings.TrimSuffix(rest, ")"))
	if len(args) > 0 {
		if c.operand, ok = parseOperand(args[0]); !ok {
			return nil, fmt.Errorf("%s is no field of an event%s", args[0], filter.Suggest(args[0]))
		}
		c.has = true
	}
	if err := c.fits(f, args); err != nil {
		return nil, err
	}
	return c, nil
}

// arguments cuts at the commas outside quotes.
func arguments(text string) []string {
	var args []string
	from, quote := 0, byte(0)
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || text[i] == ',' && quote == 0:
			args = append(args, strings.TrimSpace(text[from:i]))
			from = i + 1
		case quote != 0:
			if text[i] == quote {
				quote = 0
			}
		case text[i] == '"' || text[i] == '\'':
			quote = text[i]
		}
	}
	if len(args) == 1 && args[0] == "" {
		return nil
	}
	return args
}

// fits checks the arguments against the function's declaration.
func (c *call) fits(f function, args []string) error {
	want := 1
	if f.numberOf != "" {
		want = 2
	}
	if len(args) != want && (f.operand != optional || len(args) != 0) {
		return fmt.Errorf("%s takes %d argument%s, not %d", c.function, want, map[bool]string{true: "s"}[want > 1], len(args))
	}
	if c.has && f.kinds != nil && !hasKind(f.kinds, c.operand.kind) {
		return fmt.Errorf("%s is %s and has no %s", c.operand.name, c.operand.what(), c.function)
	}
	if f.numberOf == "" {
		return nil
	}
	number, err := strconv.ParseFloat(args[1], 64)
	isShare := number >= 0 && number <= 1
	isCount := number >= 1 && number <= 1000 && number == math.Trunc(number)
	c.number, c.integer = number, int(number)
	if err != nil || c.function == "quantile" && !isShare || c.function == "top" && !isCount {
		return fmt.Errorf("the second argument of %s is %s, not %s", c.function, f.numberOf, args[1])
	}
	return nil
}

func hasKind(kinds []event.Kind, k event.Kind) bool {
	for _, x := range kinds {
		if x == k {
			return true
		}
	}
	return false
}
