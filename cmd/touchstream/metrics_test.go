package main

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline"
)

// ran runs a configuration to the end of its input.
func ran(t *testing.T, text string) (*pipeline.Pipeline, *metrics) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "in.csv", "at,who,what,n\n2026-03-01 10:00:00,a,page,1\n2026-03-01 10:00:01,a,page,2\nnever,b,page,3\n2026-03-01 12:00:00,b,skip,4\n")
	b, err := load(write(t, dir, "c.yaml", text), buildOptions{bounded: true})
	if err != nil {
		t.Fatal(err)
	}
	m := newMetrics()
	b.pipeline.Log, b.pipeline.OnStep = slog.New(slog.DiscardHandler), m.observe
	p := pipeline.New(b.pipeline)
	m.status = p.Status()
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, m
}

const smallRun = `
name: small
identity: {key: k}
sources:
  in:
    file: {paths: [in.csv]}
    decode:
      mapping:
        format: csv
        fields: {event: what, event_time: {path: at, format: "2006-01-02 15:04:05"}, anonymous_id: who}
        where: what != "skip"
    defaults: {quantity: 2, channel: app}
operators:
  sessions: {}
  windows:
    sums: {tumbling: 1h, key: [channel], aggregate: {quantity: sum(quantity), events: count()}}
sinks:
  local: {file: {dir: out, format: jsonl}}
`

// TestMetricsAreDocumented: each metric that is there stands in
// docs/operations.md, and each that stands there is there, but for those that
// a run at its end has not.
func TestMetricsAreDocumented(t *testing.T) {
	_, m := ran(t, smallRun)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, f := range families {
		got = append(got, strings.TrimPrefix(f.GetName(), "touchstream_"))
	}
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllSubmatch(page, -1) {
		want = append(want, string(found[1]))
	}
	elsewhere := []string{"watermark_seconds", "watermark_lag_seconds", "source_lag_records"}
	want = slices.DeleteFunc(want, func(name string) bool { return slices.Contains(elsewhere, name) })
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("metrics\n%s\ndocumented are\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

// TestStatusOfARun: the numbers of /status are those of the run.
func TestStatusOfARun(t *testing.T) {
	p, _ := ran(t, smallRun)
	s := statusOf(p.Status())
	if s.State != pipeline.Stopping || !s.Drained || s.Records != 4 || s.Events != 2 || s.Held != "" {
		t.Errorf("status %+v", s)
	}
	if s.Summary.Skipped != 1 || s.Summary.DeadLetters["bad_time"] != 1 || s.Rows["sessions"] != 1 || s.Rows["window_sums"] != 1 {
		t.Errorf("counters %+v, rows %v", s.Summary, s.Rows)
	}
	in := s.Sources["in"]
	if in.State != "ended" || in.Partitions != 1 || in.LagRecords != nil || in.Watermark == nil || *in.Watermark != "2026-03-01T09:59:51.000Z" {
		t.Errorf("source %+v, watermark %v", in, in.Watermark)
	}
	if k := s.Sinks["local"]; k.Held || k.WaitingRows != 0 || k.Retries != 0 {
		t.Errorf("sink %+v", k)
	}
}

// TestDefaultsOfNumbersReachTheRows: a default fills a number, not a zero.
func TestDefaultsOfNumbersReachTheRows(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "in.csv", "at,who,what,n\n2026-03-01 10:00:00,a,page,1\n2026-03-01 10:00:01,a,page,2\n")
	b, err := load(write(t, dir, "c.yaml", smallRun), buildOptions{bounded: true})
	if err != nil {
		t.Fatal(err)
	}
	b.pipeline.Log = slog.New(slog.DiscardHandler)
	if err := pipeline.New(b.pipeline).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(dir + "/out/window_sums.jsonl")
	if err != nil || !strings.Contains(string(rows), `"channel":"app"`) || !strings.Contains(string(rows), `"quantity":4`) {
		t.Errorf("%v %s", err, rows)
	}
}

// TestBoundedRunLeavesKafkaOut, and says so.
func TestBoundedRunLeavesKafkaOut(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "in.csv", "at,who,what,n\n2026-03-01 10:00:00,a,page,1\n")
	config := write(t, dir, "c.yaml", smallRun+"  rtm: {kafka: {brokers: [\"127.0.0.1:1\"], topic: t}}\n")
	touchstream(t, nil, "run", "-c", config, "--until-end").want(t, exitOK, `"msg":"sink left out","sink":"rtm"`, "--publish")
}
