package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"touchstream/bench/peers/core"
	"touchstream/bench/peers/fact"
)

const ours = "touchstream"

// configuration is a whole pipeline with one operator: its name, which is also
// that of its journal in Kafka, the folder of the state, the source's transport,
// the operators, the table, the folder of the rows.
const configuration = `name: %s
identity: {key: bench}
state: {dir: %s}
sources:
  web: {%s, decode: {segment: {}}}
%s
sinks:
  files: {tables: [%s, dead_letters], file: {dir: %s}}
`

var operatorOf = map[string]string{
	jobSessions: "operators: {sessions: {}}",
	jobWindows:  core.Windowing,
}

var tableOf = map[string]string{jobSessions: "sessions", jobWindows: "window_by_event"}

// runOurs measures the program from the file, whose rows the others' are
// compared with, and the core alone.
func (b *bench) runOurs(ctx context.Context) error {
	b.facts = map[string]*reference{}
	for _, job := range []string{jobSessions, jobWindows} {
		if err := b.runProgram(ctx, "file", job); err != nil {
			return err
		}
	}
	return b.runGo(ctx, "core", "core: file to rows, no identity")
}

// runOursFromKafka measures the program from the topic that Kafka Streams reads.
func (b *bench) runOursFromKafka(ctx context.Context) error {
	for _, job := range []string{jobSessions, jobWindows} {
		for _, flags := range [][]string{nil, {"--keep-state"}} {
			if err := b.runProgram(ctx, "kafka", job, flags...); err != nil {
				return err
			}
		}
	}
	return nil
}

// runProgram measures touchstream run --until-end. The first run over an input
// makes the rows that later ones are compared with.
func (b *bench) runProgram(ctx context.Context, from, job string, flags ...string) error {
	name := strings.Join([]string{ours, from, job}, "_") + strings.ReplaceAll(strings.Join(flags, ""), "-", "_")
	dir, err := b.path(name)
	if err != nil {
		return err
	}
	transport, events := fmt.Sprintf("file: {paths: [%q]}", b.input), b.events
	if from == "kafka" {
		transport, events = fmt.Sprintf("kafka: {brokers: [%q], topics: [%s], start: earliest}", b.kafka.Addr(), topic), b.kafkaEvents
	}
	rows, path := filepath.Join(dir, "rows"), filepath.Join(dir, "job.yaml")
	text := fmt.Sprintf(configuration, name, filepath.Join(dir, "state"), transport, operatorOf[job], tableOf[job], rows)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	c, err := execute(ctx, b.program, append([]string{"run", "-c", path, "--until-end"}, flags...)...)
	if err != nil {
		return err
	}
	dead, err := os.Stat(filepath.Join(rows, "dead_letters.jsonl"))
	if err != nil {
		return err
	}
	if dead.Size() > 0 {
		return fmt.Errorf("there are dead letters in %s", rows)
	}
	key := from + " " + job
	first := b.facts[key] == nil
	if first {
		ref := &reference{}
		if job == jobSessions {
			ref.sessions, err = fact.ReadOurSessions(rows)
		} else {
			ref.windows, err = fact.ReadOurWindows(rows)
		}
		if err != nil {
			return err
		}
		b.facts[key] = ref
	}
	d, err := b.facts[key].compareOurs(job, rows)
	if err != nil {
		return err
	}
	b.add(result{Job: job, System: ours, Version: b.version, Settings: strings.Join(append([]string{"run --until-end, from " + from}, flags...), ", "), Events: events, IsReference: first}, c, d)
	return nil
}
