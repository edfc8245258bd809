package main

import (
	"strings"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
)

func TestDefaultOf(t *testing.T) {
	check := func(name, value string, want event.Default) {
		t.Helper()
		got, err := defaultOf(config.Pair{Name: name, Value: value})
		if err != nil || got != want {
			t.Errorf("%s: %s is %+v, %v; want %+v", name, value, got, err, want)
		}
	}
	check("channel", "pos", event.Default{Column: event.Channel, Text: "pos"})
	check("quantity", "1", event.Default{Column: event.Quantity, Int: 10_000})
	check("price", "-2.50", event.Default{Column: event.Price, Int: -25_000})
	check("position", "7", event.Default{Column: event.Position, Int: 7})
	check("score", "9.5", event.Default{Column: event.Score, Float: 9.5})
	check("granted", "true", event.Default{Column: event.Granted, Int: 1})
	check("resolved", "false", event.Default{Column: event.Resolved})
	check("promised_at", "1970-01-01T01:00:01+01:00", event.Default{Column: event.PromisedAt, Int: 1000})

	for _, p := range []config.Pair{{Name: "colour", Value: "red"}, {Name: "quantity", Value: "one"}, {Name: "position", Value: "1.5"},
		{Name: "score", Value: "NaN"}, {Name: "granted", Value: "yes"}, {Name: "event_time", Value: "noon"}} {
		if _, err := defaultOf(p); err == nil || !strings.Contains(err.Error(), p.Name) {
			t.Errorf("%s: %s is taken: %v", p.Name, p.Value, err)
		}
	}
}
