package main

import (
	"log/slog"
	"strings"
	"testing"

	"touchstream/pipeline"
)

func TestEffectOf(t *testing.T) {
	for path, want := range map[string]effect{
		"shards": isFixed, "name": isFixed, "lanes": noEffect, "http.listen": noEffect, "commit_interval": noEffect,
		"operators.sessions.gap": startsOver, "operators.windows.by_day.key": startsOver, "identity.key": startsOver, "venue": startsOver,
		"time.idle_after": noEffect, "time.allowed_lateness": goesOn, "sources.web.kafka.brokers": noEffect, "sources.web.kafka.topics": goesOn,
		"sources.web.idle_after": noEffect, "sources.web.decode.mapping.fields.event": goesOn, "sinks.warehouse.clickhouse.addr": noEffect,
		"sources.web.file.sort": startsOver, "sources.web.file.path": goesOn, "sinks.warehouse.tables": goesOn, "state.dir": noEffect, "state.memory_max": goesOn,
	} {
		if got := effectOf(path); got != want {
			t.Errorf("%s has effect %d, want %d", path, got, want)
		}
	}
}

func TestComparePlans(t *testing.T) {
	former := []pipeline.Setting{{Key: "shards", Value: "64"}, {Key: "identity.key", Value: "aa"}, {Key: "time.allowed_lateness", Value: "1h"}, {Key: "operators.crowd.windows", Value: "[1m]"}}
	now := []pipeline.Setting{{Key: "shards", Value: "32"}, {Key: "identity.key", Value: "bb"}, {Key: "time.allowed_lateness", Value: "2h"}}
	log := slog.New(slog.DiscardHandler)
	err := comparePlans(former, now, false, "here", log)
	if err == nil {
		t.Fatal("all may change")
	}
	text := err.Error()
	for _, part := range []string{"shards: the state was made with 64, the configuration has 32", "fixed", "identity.key: the state was made with another key", "operators.crowd: the state was made with it, the configuration lacks it", "reset"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
	if strings.Contains(text, "allowed_lateness") || strings.Contains(text, "aa") {
		t.Errorf("%q names what may change, or a secret", text)
	}
	if err := comparePlans(nil, []pipeline.Setting{{Key: "sources.new.transport", Value: "file"}, {Key: "sources.new.file.sort", Value: "false"}}, false, "here", log); err != nil {
		t.Errorf("a new source: %v", err)
	}
	other := func(transport string) []pipeline.Setting {
		return []pipeline.Setting{{Key: "sources.web.transport", Value: transport}}
	}
	if err := comparePlans(other("kafka"), other("file"), false, "here", log); err == nil || !strings.Contains(err.Error(), "sources.web.transport") {
		t.Errorf("another transport: %v", err)
	}
	if err := comparePlans(former[2:3], now[2:3], false, "here", log); err != nil {
		t.Errorf("behind a stop in order: %v", err)
	}
	if err := comparePlans(former[2:3], now[2:3], true, "here", log); err == nil || !strings.Contains(err.Error(), "former value") {
		t.Errorf("with a journal to replay: %v", err)
	}
}

// TestOperatorThatChangedIsOneLine: with all of its keys that differ.
func TestOperatorThatChangedIsOneLine(t *testing.T) {
	window := func(key, size, order string) []pipeline.Setting {
		return []pipeline.Setting{{Key: "operators.windows.by_day.key", Value: key}, {Key: "operators.windows.by_day.size", Value: size}, {Key: "operators.windows.by_day.order", Value: order}}
	}
	log := slog.New(slog.DiscardHandler)
	f := func(former, now []pipeline.Setting, want string) {
		t.Helper()
		err := comparePlans(former, now, false, "here", log)
		if err == nil || !strings.HasPrefix(err.Error(), want+": what is in the state has no meaning") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(window("store", "1d", "x"), window("zone", "2d", "x"), "operators.windows.by_day: the state was made with key store, size 1d, the configuration has key zone, size 2d")
	f(window("store", "1d", "x"), nil, "operators.windows.by_day: the state was made with it, the configuration lacks it")
	f(nil, window("store", "1d", "x"), "operators.windows.by_day: the state was made without it, the configuration has it")
	f(window("", "1d", ""), window("zone", "1d", ""), "operators.windows.by_day: the state was made with key nothing, the configuration has key zone")
}

func TestKafkaSinksAreOnOneCluster(t *testing.T) {
	path := write(t, t.TempDir(), "c.yaml", `name: two
identity: {key: k}
sources: {w: {generator: {}, decode: {segment: {}}}}
sinks:
  a: {kafka: {brokers: ["one:1", "two:2"], topic: t}}
  b: {kafka: {brokers: ["two:2", "one:1"], topic: u}}
  c: {kafka: {brokers: ["three:3"], topic: v}}
`)
	o := touchstream(t, nil, "validate", "-c", path)
	o.want(t, exitUsage, "c.yaml:7:3: sinks.c: its messages cannot be in one transaction")
	if n := strings.Count(o.stderr, "\n"); n != 1 {
		t.Errorf("%d faults: %s", n, o.stderr)
	}
}
