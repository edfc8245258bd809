package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/sources/generator"
)

// restarter is a part that was killed.
type restarter interface {
	Kill() error
	Restart(context.Context) error
}

func kill(t *testing.T, part restarter) {
	t.Helper()
	if err := part.Kill(); err != nil {
		t.Fatal(err)
	}
}

func restart(t *testing.T, part restarter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	if err := part.Restart(ctx); err != nil {
		t.Fatal(err)
	}
}

// held waits until the pipeline is held and checks that the sentence has the
// texts.
func held(t *testing.T, address string, texts ...string) {
	t.Helper()
	var s statusJSON
	await(t, "state held", func() bool {
		s = statusAt(t, address)
		return s.State == pipeline.Held
	})
	for _, text := range append(texts, " has held the pipeline since ", "it goes on by itself when that is over.") {
		if !strings.Contains(s.Held, text) {
			t.Errorf("/status lacks %q: %s", text, s.Held)
		}
	}
	if code, body := get(t, address, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "held") {
		t.Errorf("/readyz of a held pipeline: %d %s", code, body)
	}
	if code, _ := get(t, address, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz of a held pipeline: %d", code)
	}
}

// drained waits until that many records are folded and delivered.
func drained(t *testing.T, address string, records int) statusJSON {
	t.Helper()
	var s statusJSON
	await(t, fmt.Sprintf("%d records, drained", records), func() bool {
		s = statusAt(t, address)
		return s.Drained && s.Records >= int64(records)
	})
	return s
}

// TestRealClickHouseKilled kills ClickHouse while a bounded run delivers and
// starts it again: the pipeline holds, goes on by itself, and no row is missing.
func TestRealClickHouseKilled(t *testing.T) {
	dir := t.TempDir()
	w := generated(t)
	w.file(t, dir)
	engine := devtest.NewClickHouse(t)
	config := write(t, dir, "c.yaml", fmt.Sprintf(`
name: world
commit_interval: 100ms
step: {max_records: 20}
http: {listen: "127.0.0.1:0"}
sinks:
  warehouse: {clickhouse: {addr: [%q], database: world}}
  local: {file: {dir: out}}
`, engine.Addr())+oneFile+worldOperators)
	p := start(t, nil, "run", "-c", config, "--until-end")
	address := p.listening(t)
	await(t, "some records", func() bool { return statusAt(t, address).Records > 500 })
	kill(t, engine)
	held(t, address, "sinks.warehouse", "ClickHouse at "+engine.Addr(), "cannot be reached")
	if s := statusAt(t, address); s.Records >= int64(len(w.records)) || !s.Sinks["warehouse"].Held || s.Sinks["warehouse"].WaitingRows == 0 {
		t.Errorf("held after %d of %d records with the sink %+v", s.Records, len(w.records), s.Sinks["warehouse"])
	}
	restart(t, engine)
	select {
	case <-p.exited:
	case <-time.After(waitMax):
		t.Fatal("the run did not end after the restart")
	}
	equal(t, "exit code", p.cmd.ProcessState.ExitCode(), exitOK)
	for _, msg := range []string{"held", "resumed"} {
		if n := strings.Count(p.stderr(), fmt.Sprintf(`"msg":%q`, msg)); n != 1 {
			t.Errorf("%d log lines say %s, want 1", n, msg)
		}
	}
	compareViews(t, warehouse(t, engine.Addr()), "world", config, filepath.Join(dir, "out"))
}

// TestRealRunKilled kills a run in the middle and runs it again: what was
// delivered twice is there once.
func TestRealRunKilled(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	// An engine of the test's own, killed with the run: the engine does not
	// always outlive a client that dies in the midst of an insert.
	engine, database := devtest.NewClickHouse(t), unique("killed")
	addr := engine.Addr()
	config := write(t, dir, "c.yaml", fmt.Sprintf(`
name: world
commit_interval: 100ms
step: {max_records: 20}
http: {listen: "127.0.0.1:0"}
sinks:
  warehouse: {clickhouse: {addr: [%q], database: %s}}
  local: {file: {dir: out}}
`, addr, database)+oneFile+worldOperators)
	p := start(t, nil, "run", "-c", config, "--until-end")
	address := p.listening(t)
	c := warehouse(t, addr)
	await(t, "rows in ClickHouse", func() bool {
		s := statusAt(t, address)
		return s.Rows["sessions"] > 20 && number(t, c, "SELECT count() FROM "+database+".sessions") > 0
	})
	if _, took := p.stop(t, syscall.SIGKILL); took > time.Minute {
		t.Errorf("it took %s to die", took)
	}
	kill(t, engine)
	restart(t, engine)
	c = warehouse(t, addr)
	before := number(t, c, "SELECT count() FROM "+database+".v_events")
	s := bounded(t, config, nil)
	if before == 0 || before >= uint64(s.Events) {
		t.Errorf("the killed run left %d of %d events", before, s.Events)
	}
	compareViews(t, c, database, config, filepath.Join(dir, "out"))
}

// live is a configuration that runs from Kafka to ClickHouse until it is stopped.
func live(t *testing.T, brokers []string, prefix, clickhouse, database string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "venue.yaml", string(generator.AppendVenue(nil)))
	return write(t, dir, "c.yaml", fmt.Sprintf(`
name: live
time: {idle_after: 1s}
commit_interval: 200ms
http: {listen: "127.0.0.1:0"}
sinks:
  warehouse: {clickhouse: {addr: [%q], database: %s}}
  rtm: {kafka: {brokers: [%q], topic: %striggers, dead_letters: %sdead}}
`, clickhouse, database, brokers[0], prefix, prefix)+topicOfEach(brokers, prefix)+worldOperators)
}

// TestRealSignals stops a pipeline that runs, once with everything delivered and
// once while ClickHouse is away, and looks at its listener meanwhile.
func TestRealSignals(t *testing.T) {
	records := generated(t).records
	first, rest := records[:2_000], records[2_000:2_200]
	brokers, engine := devtest.Kafka(t), devtest.NewClickHouse(t)
	prefix := unique("signals") + "."
	produce(t, brokers, prefix, first)
	config := live(t, brokers, prefix, engine.Addr(), "signals")

	p := start(t, nil, "run", "-c", config)
	address := p.listening(t)
	s := drained(t, address, len(first))
	equal(t, "records", s.Records, int64(len(first)))
	equal(t, "sources", len(s.Sources), len(generator.Topics()))
	await(t, "a watermark", func() bool { return statusAt(t, address).Watermark != nil })
	checkMetrics(t, address, s)
	checkStatus(t, address)
	if code, body := get(t, address, "/readyz"); code != http.StatusOK || !strings.HasPrefix(body, "running") {
		t.Errorf("/readyz of a running pipeline: %d %s", code, body)
	}
	code, took := p.stop(t, syscall.SIGTERM)
	equal(t, "exit code", code, exitOK)
	if took > 10*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	equal(t, "events in ClickHouse", number(t, warehouse(t, engine.Addr()), "SELECT count() FROM signals.v_events"), uint64(s.Events))

	p = start(t, nil, "run", "-c", config)
	address = p.listening(t)
	drained(t, address, len(first))
	kill(t, engine)
	produce(t, brokers, prefix, rest)
	held(t, address, "sinks.warehouse")
	code, took = p.stop(t, syscall.SIGTERM)
	equal(t, "exit code with ClickHouse away", code, exitOK)
	if took > 12*time.Second {
		t.Errorf("it took %s to stop with ClickHouse away", took)
	}
	if !strings.Contains(p.stderr(), "the next start delivers them") || !strings.Contains(p.stderr(), " rows not delivered: ") {
		t.Errorf("stderr does not say what was not delivered:\n%s", p.stderr())
	}

	restart(t, engine)
	p = start(t, nil, "run", "-c", config)
	s = drained(t, p.listening(t), len(first)+len(rest))
	equal(t, "events in ClickHouse after the next start", number(t, warehouse(t, engine.Addr()), "SELECT count() FROM signals.events"), uint64(s.Events))
	p.stop(t, syscall.SIGTERM)
}

// checkMetrics looks for the documented metrics.
func checkMetrics(t *testing.T, address string, s statusJSON) {
	t.Helper()
	code, body := get(t, address, "/metrics")
	equal(t, "/metrics", code, http.StatusOK)
	for _, name := range strings.Fields(`records_total bytes_total events_total skipped_total dead_letters_total{reason="malformed"}
		duplicates_total watermark_seconds watermark_lag_seconds source_lag_records{source="web"} step_seconds_count step_records_count lane_busy_ratio
		state_entries{operator="sessions"} state_bytes{operator="sessions"} evicted_total{operator="sessions"} rows_total{table="events"}
		revisions_total{operator="sessions"} triggers_total sink_block_seconds{sink="warehouse"} sink_retries_total{sink="warehouse"} sink_held{sink="warehouse"}`) {
		if !strings.Contains(body, "\ntouchstream_"+name+" ") {
			t.Errorf("/metrics lacks touchstream_%s", name)
		}
	}
	for name, v := range map[string]int64{"records_total": s.Records, "events_total": s.Events, `rows_total{table="events"}`: s.Rows["events"]} {
		if line := fmt.Sprintf("\ntouchstream_%s %d\n", name, v); !strings.Contains(body, line) {
			t.Errorf("/metrics lacks %q", line)
		}
	}
}

// checkStatus looks for the documented keys of /status.
func checkStatus(t *testing.T, address string) {
	t.Helper()
	_, body := get(t, address, "/status")
	var s struct {
		State   *string
		Drained *bool
		Sources map[string]map[string]any
		Sinks   map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	if s.State == nil || *s.State != "running" || s.Drained == nil {
		t.Errorf("/status lacks state or drained:\n%s", body)
	}
	for _, topic := range generator.Topics() {
		if lag, ok := s.Sources[topic]["lag_records"].(float64); !ok || lag != 0 {
			t.Errorf("the lag of %s is %v", topic, s.Sources[topic]["lag_records"])
		}
		if _, ok := s.Sources[topic]["watermark"]; !ok {
			t.Errorf("%s has no watermark", topic)
		}
	}
	for _, sink := range []string{"warehouse", "rtm"} {
		if _, ok := s.Sinks[sink]["waiting_rows"].(float64); !ok {
			t.Errorf("%s has no waiting_rows", sink)
		}
	}
}

// TestRealKafkaRestart kills the broker in the middle: the pipeline holds, says
// so, and reads on when it is back.
func TestRealKafkaRestart(t *testing.T) {
	records := generated(t).records
	first, rest := records[:2_000], records[2_000:4_000]
	broker, addr := devtest.NewKafka(t), devtest.ClickHouse(t)
	database := unique("restart")
	produce(t, broker.Brokers(), "restart.", first)
	p := start(t, nil, "run", "-c", live(t, broker.Brokers(), "restart.", addr, database))
	address := p.listening(t)
	drained(t, address, len(first))
	kill(t, broker)
	held(t, address, "sources.", broker.Brokers()[0])
	restart(t, broker)
	produce(t, broker.Brokers(), "restart.", rest)
	s := drained(t, address, len(first)+len(rest))
	equal(t, "records", s.Records, int64(len(first)+len(rest)))
	equal(t, "state", s.State, pipeline.Running)
	code, _ := p.stop(t, syscall.SIGTERM)
	equal(t, "exit code", code, exitOK)
	c := warehouse(t, addr)
	equal(t, "events in ClickHouse", number(t, c, "SELECT count() FROM "+database+".v_events"), uint64(s.Events))
	equal(t, "dead letters in ClickHouse", number(t, c, "SELECT count() FROM "+database+".v_dead_letters"), uint64(s.Rows["dead_letters"]))
}

// TestRealRefusals has servers that are not there or refuse: a sentence says
// what to do.
func TestRealRefusals(t *testing.T) {
	broker, engine := devtest.Kafka(t)[0], devtest.SharedClickHouse(t)
	database := unique("refusal")
	produce(t, []string{broker}, database+".", generated(t).records[:10])
	conn := warehouse(t, engine.Addr())
	for _, statement := range []string{"CREATE DATABASE " + database, "CREATE TABLE " + database + ".sessions (session_id String) ENGINE = MergeTree ORDER BY session_id"} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const nobody = "127.0.0.1:1" // nothing listens there
	for _, c := range []struct {
		name            string
		kafka, topic    string
		clickhouse      string
		extra, sasl     string
		isAway          bool // run holds instead of ending
		wantRun, wantIt string
	}{
		{name: "unknown topic", topic: "refusal.nope", wantIt: "sources.web: topic refusal.nope does not exist on " + broker},
		{name: "no broker", kafka: nobody, isAway: true, wantIt: "sources.web: no broker answers at " + nobody},
		{name: "a login that the broker does not know", sasl: ", sasl: {username: u, password: p}", wantIt: "sources.web: " + broker + ` refuses the login of "u" by PLAIN: check sasl`},
		{name: "no ClickHouse", clickhouse: nobody, isAway: true, wantIt: "ClickHouse at " + nobody + " cannot be reached"},
		{name: "the port of HTTP", clickhouse: engine.HTTPAddr(), wantIt: "speaks HTTP on this port; give the port of the native protocol"},
		{name: "another table", extra: ", database: " + database, wantRun: "session_id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			or := func(s, other string) string {
				if s == "" {
					return other
				}
				return s
			}
			config := write(t, t.TempDir(), "c.yaml", fmt.Sprintf(`
name: refusal
identity: {key: k}
sources: {web: {kafka: {brokers: [%q], topics: [%s]%s}, decode: {segment: {}}}}
operators: {sessions: {}}
sinks: {warehouse: {clickhouse: {addr: [%q]%s}}}
`, or(c.kafka, broker), or(c.topic, database+".web"), c.sasl, or(c.clickhouse, engine.Addr()), c.extra))
			if c.wantIt != "" {
				touchstream(t, nil, "validate", "-c", config, "--connect").want(t, exitFailed, c.wantIt)
			}
			if !c.isAway {
				touchstream(t, nil, "run", "-c", config, "--until-end").want(t, exitFailed, strings.ReplaceAll(or(c.wantIt, c.wantRun), `"`, `\"`))
				return
			}
			p := start(t, nil, "run", "-c", config)
			p.line(t, `"msg":"held"`)
			if code, took := p.stop(t, syscall.SIGTERM); code != exitOK || took > 12*time.Second {
				t.Errorf("stopped with exit code %d after %s", code, took)
			}
			if !strings.Contains(p.stderr(), "stopped before anything was read") {
				t.Errorf("stderr does not say that nothing was read:\n%s", p.stderr())
			}
		})
	}
}

// TestRealPassword has a password that ClickHouse does not take. The embedded
// engine breaks down after it has refused a login, so it is one of its own.
func TestRealPassword(t *testing.T) {
	engine := devtest.NewClickHouse(t)
	config := write(t, t.TempDir(), "c.yaml", strings.Replace(plainConfig, "local: {file: {dir: out}}",
		fmt.Sprintf("warehouse: {clickhouse: {addr: [%q], username: nobody, password: hidden-password}}", engine.Addr()), 1))
	write(t, filepath.Dir(config), "in.jsonl", "")
	o := touchstream(t, nil, "validate", "-c", config, "--connect")
	o.want(t, exitFailed, "sinks.warehouse: ClickHouse at "+engine.Addr()+` does not let user "nobody" in; correct username and password`)
	if strings.Contains(o.stderr+o.stdout, "hidden-password") {
		t.Errorf("the password is printed:\n%s%s", o.stdout, o.stderr)
	}
}
