package main

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"touchstream/sources/generator"
)

// world is a generated world that the tests of this package share.
type world struct {
	records []generator.Record
}

var sharedWorld = sync.OnceValues(func() (*world, error) {
	o := generator.Defaults()
	// Without late phones every event is within max_out_of_orderness, where
	// final rows must not depend on how the records come.
	o.Customers, o.Days, o.LateShare = 600, 2, 0
	o.BadShare = 0.002
	stream, err := generator.New(o, nil)
	if err != nil {
		return nil, err
	}
	w := &world{}
	var r generator.Record
	for stream.Next(&r) {
		own := r
		own.Key, own.Value = bytes.Clone(r.Key), bytes.ReplaceAll(r.Value, []byte("\n"), []byte(" "))
		w.records = append(w.records, own)
	}
	slices.SortStableFunc(w.records, func(a, b generator.Record) int { return cmp.Compare(a.ArrivalMS, b.ArrivalMS) })
	return w, nil
})

func generated(t *testing.T) *world {
	t.Helper()
	w, err := sharedWorld()
	if err != nil {
		t.Fatal(err)
	}
	if len(w.records) < 5_000 {
		t.Fatalf("the world has only %d records", len(w.records))
	}
	return w
}

// file writes all records in the order of their arrival into one file.
func (w *world) file(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	for _, r := range w.records {
		b.Write(r.Value)
		b.WriteByte('\n')
	}
	write(t, dir, "world.jsonl", b.String())
	write(t, dir, "venue.yaml", string(generator.AppendVenue(nil)))
}

// topics writes one file for each topic.
func (w *world) topics(t *testing.T, dir string) {
	t.Helper()
	files := map[string]*bytes.Buffer{}
	for _, topic := range generator.Topics() {
		files[topic] = &bytes.Buffer{}
	}
	for _, r := range w.records {
		files[r.Topic].Write(r.Value)
		files[r.Topic].WriteByte('\n')
	}
	for topic, b := range files {
		write(t, dir, topic+".jsonl", b.String())
	}
	write(t, dir, "venue.yaml", string(generator.AppendVenue(nil)))
}

// worldOperators are all operators, in a configuration of a world.
const worldOperators = `
venue: venue.yaml
identity: {key: test}
operators:
  sessions: {}
  ropo: {}
  abandonment: {}
  crowd: {windows: [1m]}
  windows:
    revenue:
      tumbling: 1h
      key: [channel, category]
      where: event == "Order Completed"
      aggregate: {orders: uniq_exact(order_id), quantity: sum(quantity), revenue: sum(amount), p95: "quantile(price, 0.95)"}
    traffic:
      sliding: {size: 1h, slide: 15m}
      key: [channel]
      aggregate: {events: count(), devices: uniq(anonymous_id), pages: "top(page_path, 3)"}
    visits:
      session: 10m
      key: [anonymous_id]
      aggregate: {events: count(), first: first(event), last: last(event)}
    days:
      tumbling: 1d
      align: {zone: Europe/Warsaw}
      emit: on_change
      where: event == "Order Completed"
      aggregate: {revenue: sum(amount), mean: avg(amount), spread: stddev(amount)}
`

// oneFile reads the world from one file.
const oneFile = `
sources:
  world: {file: {paths: [world.jsonl]}, decode: {segment: {}}}
`

// fileOfEach reads each topic from a file of its own.
func fileOfEach() string {
	var b strings.Builder
	b.WriteString("sources:\n")
	for _, topic := range generator.Topics() {
		b.WriteString("  " + topic + ": {file: {paths: [" + topic + ".jsonl]}, decode: {segment: {}}, defaults: {channel: " + topic + "}}\n")
	}
	return b.String()
}

// folder reads all files of a folder.
func folder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = text
	}
	return out
}
