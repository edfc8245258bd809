package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// defaultOf reads the value with which a source fills a field: a text, a number
// in major units, a time of RFC 3339, a flag.
func defaultOf(p config.Pair) (event.Default, error) {
	c, ok := event.ColumnByName(p.Name)
	if !ok {
		return event.Default{}, fmt.Errorf("%s is no field of an event", p.Name)
	}
	d, want := event.Default{Column: c}, ""
	switch c.Kind() {
	case event.Text:
		d.Text = p.Value
	case event.Money:
		d.Int, ok = money.Parse([]byte(p.Value), '.')
		want = "a decimal number"
	case event.Number:
		n, err := strconv.ParseInt(p.Value, 10, 64)
		d.Int, ok, want = n, err == nil, "a whole number"
	case event.Float:
		x, err := strconv.ParseFloat(p.Value, 64)
		d.Float, ok, want = x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0), "a number"
	case event.Flag:
		ok, want = p.Value == "true" || p.Value == "false", "true or false"
		if p.Value == "true" {
			d.Int = 1
		}
	case event.Time:
		t, err := time.Parse(time.RFC3339, p.Value)
		d.Int, ok, want = t.UnixMilli(), err == nil, "a time such as 2026-03-01T00:00:00Z"
	}
	if !ok {
		return d, fmt.Errorf("%s: %q is not %s", p.Name, p.Value, want)
	}
	return d, nil
}
