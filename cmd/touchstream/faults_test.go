package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plainConfig reads in.jsonl; tests change parts of it.
const plainConfig = `name: plain
identity: {key: k}
sources:
  in:
    file: {paths: [in.jsonl]}
    decode:
      mapping:
        format: jsonl
        fields: {event: {path: e, default: page}, event_time: {path: t, format: rfc3339}, anonymous_id: a}
operators: {sessions: {}}
sinks: {local: {file: {dir: out}}}
`

// line is a record of plainConfig.
func line(at, visitor string) string { return fmt.Sprintf("{\"t\":%q,\"a\":%q}\n", at, visitor) }

// TestFaultsOfConfigurations has configurations that are wrong: exit code 2,
// and what stands where, all of it at once.
func TestFaultsOfConfigurations(t *testing.T) {
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plainConfig) }
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"c.yaml:1:1: the file is empty"}},
		{"broken YAML", "name: [x\n  y: }", []string{"c.yaml:2:"}},
		{"a list", "- name", []string{"c.yaml:1:1: a mapping is expected, found a list"}},
		{"binary", "\x00\x01\x02\xff\xfe", []string{"c.yaml:1:"}},
		{"unknown keys", change("sessions: {}", "sessions: {gab: 30m}", "name: plain", "nam: plain"), []string{
			"c.yaml:1:1: nam: unknown key; did you mean `name`?", "c.yaml:1:1: name: is required",
			"c.yaml:10:24: operators.sessions.gab: unknown key; did you mean `gap`?",
		}},
		{"two values that disagree", change("sessions: {}", "sessions: {gap: 40h}"), []string{
			"c.yaml:10:24: operators.sessions.gap: 40h must not exceed max_duration 24h",
		}},
		{"wrong types", change("sessions: {}", "sessions: {gap: [1], max_duration: true}", "format: jsonl", "format: xml"), []string{
			`sources.in.decode.mapping.format: one of csv, jsonl is expected, found "xml"`,
			"operators.sessions.gap: a duration such as 30m, 90s or 30d is expected, found a list",
			"operators.sessions.max_duration: a duration such as 30m, 90s or 30d is expected, found the flag true",
		}},
		{"no key", change("identity: {key: k}\n", ""), []string{"identity: key is required because sources.in maps anonymous_id"}},
		{"unset variable", change("key: k", `key: "${TOUCHSTREAM_NO_SUCH}"`), []string{
			"c.yaml:2:17: identity.key: the environment variable TOUCHSTREAM_NO_SUCH is not set and ${TOUCHSTREAM_NO_SUCH} has no default",
		}},
		{"unknown decoder", change("mapping:", "mappings:"), []string{"sources.in.decode.mappings: unknown key; did you mean `mapping`?"}},
		{"no sinks", change("sinks: {local: {file: {dir: out}}}\n", ""), []string{"sinks: no sink is configured"}},
		{"unknown table", change("file: {dir: out}", "file: {dir: out}, tables: [sesions]"), []string{
			"sesions is no table of this pipeline; its tables are sessions, ",
		}},
		{"unknown aggregate and field", change("sessions: {}", `windows: {w: {tumbling: 1m, aggregate: {x: sum(nosuch), y: frob()}}}`), []string{
			"operators.windows.w.aggregate.x: nosuch is no field of an event", "operators.windows.w.aggregate.y: frob is no aggregate; there are count, sum,",
		}},
		{"unknown field in a filter", change("sessions: {}", `windows: {w: {tumbling: 1m, where: nosuch == 2, aggregate: {x: count()}}}`), []string{
			"operators.windows.w.where: ", "nosuch",
		}},
		{"ports", change("local: {file: {dir: out}}", `w: {clickhouse: {addr: ["db:99999", "http://db:8123", "::1", "db", "[::1]:9000"]}}, k: {kafka: {brokers: ["b:65536"], topic: t}}`) +
			"http: {listen: \"127.0.0.1:70000\"}\n", []string{
			`sinks.w.clickhouse.addr[0]: an address such as localhost:9000 is expected, found "db:99999"`,
			`sinks.w.clickhouse.addr[1]: an address such as localhost:9000 is expected, found "http://db:8123"`,
			`sinks.k.kafka.brokers[0]: an address such as localhost:9092 is expected, found "b:65536"`,
			`http.listen: an address such as 127.0.0.1:9464 is expected, found "127.0.0.1:70000"`,
		}},
		{"no venue file", change("name: plain", "name: plain\nvenue: nope.yaml"), []string{"c.yaml:2:1: venue: ", "nope.yaml: no such file or directory"}},
		{"a folder as venue file", change("name: plain", "name: plain\nvenue: ."), []string{"c.yaml:2:1: venue: ", ": is a directory, a file is expected"}},
		{"all of a window", change("sessions: {}", `windows: {w: {tumbling: 1m, key: [nokey], where: nosuch == 2, aggregate: {x: frob()}}}`), []string{
			"operators.windows.w.key: nokey is no field", "operators.windows.w.where: ", "nosuch", "operators.windows.w.aggregate.x: frob is no aggregate",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "c.yaml", c.text)
			touchstream(t, nil, "validate", "-c", path).want(t, exitUsage, c.want...)
			touchstream(t, nil, "run", "-c", path, "--until-end").want(t, exitUsage, c.want...)
		})
	}
}

// TestAllFaultsAtOnce has faults that are found by reading, by building and by
// looking for files, in one run.
func TestAllFaultsAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "venue.yaml", "stores: [{id: s, colour: red}]")
	path := write(t, dir, "c.yaml", `name: plain
lanes: many
identity: {key: k}
venue: venue.yaml
sources:
  in:
    file: {paths: [nope.jsonl]}
    decode: {mapping: {format: jsonl, fields: {event_time: t}}}
operators: {sessions: {}}
sinks: {local: {file: {dir: out}, tables: [sesions]}}
`)
	o := touchstream(t, nil, "validate", "-c", path)
	o.want(t, exitUsage,
		"c.yaml:2:1: lanes: a whole number is expected",
		"c.yaml:7:12: sources.in.file.paths: nope.jsonl: no such file",
		"c.yaml:6:3: sources.in: fields: event is not mapped",
		"c.yaml:10:35: sinks.local.tables: sesions is no table of this pipeline",
		"venue.yaml:1:18: stores[0].colour: unknown key")
	if n := strings.Count(o.stderr, "\n"); n != 5 {
		t.Errorf("%d lines, want one for each of 5 faults:\n%s", n, o.stderr)
	}
}

func TestFaultsOfVenues(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "c.yaml", strings.Replace(plainConfig, "name: plain", "name: plain\nvenue: venue.yaml", 1))
	write(t, dir, "venue.yaml", `stores:
  - id: s
    time_zone: Mars/Base
    zones:
      - {id: a, kind: cellar, neighbours: [b], sensors: [{id: x, kind: radar}]}
      - {id: a, area_m2: -1, colour: red}
`)
	touchstream(t, nil, "run", "-c", path, "--until-end").want(t, exitUsage,
		`venue.yaml:3:5: stores[0].time_zone: a time zone such as Europe/Warsaw is expected, found "Mars/Base"`,
		`stores[0].zones[0].kind: one of zone, queue, entrance, fitting_room, staff_only is expected, found "cellar"`,
		`stores[0].zones[0].neighbours: zone "b" is not in store "s"`,
		`stores[0].zones[0].sensors[0].kind: one of beacon, wifi, rfid, counter is expected, found "radar"`,
		`stores[0].zones[1].id: zone "a" is given twice in this store`,
		"stores[0].zones[1].area_m2: must be positive, found -1",
		"stores[0].zones[1].colour: unknown key")
}

func TestFaultsOfCommandLines(t *testing.T) {
	path := write(t, t.TempDir(), "c.yaml", plainConfig)
	for _, c := range []struct {
		args string
		want string
	}{
		{"frob", `touchstream: unknown argument "frob"`},
		{"run", "touchstream run: -c FILE is required"},
		{"run --frob", "touchstream run: unknown flag: --frob"},
		{"run -c " + path + " more", `touchstream run: unknown argument "more"`},
		{"run -c " + path + " --publish", "--publish, --keep-state and --summary go with --until-end"},
		{"run -c " + path + " --log-level loud", `--log-level: "loud" is none of debug, info, warn, error`},
		{"run -c nope.yaml", "nope.yaml: no such file or directory"},
		{"run -c " + filepath.Dir(path), "is a directory, a file is expected"},
		{"validate", "touchstream validate: -c FILE is required"},
		{"generate --customers -3", "customers -3 must be 1 to 50000000"},
		{"generate --disorder soon", "--disorder soon: a duration such as 30m, 90s or 30d"},
		{"generate --dir x --kafka localhost:1", "--kafka and --dir exclude one another"},
		{"demo --for -3s", "--for -3s must not be below 0"},
		{"schema xml", `unknown argument "xml"`},
	} {
		t.Run(strings.ReplaceAll(c.args, filepath.Dir(path), ""), func(t *testing.T) {
			touchstream(t, nil, strings.Fields(c.args)...).want(t, exitUsage, c.want)
		})
	}
}

// TestFaultsOfFiles has inputs that cannot be read: exit code 1, the file named,
// and what was before the fault delivered.
func TestFaultsOfFiles(t *testing.T) {
	// Visitors that do not compress, so that half of the bytes are half of the lines.
	dice := rand.New(rand.NewPCG(1, 2))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	for range 1_000 {
		fmt.Fprint(z, line("2026-01-01T00:00:00Z", fmt.Sprint(dice.Uint64())))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	half := zipped.String()[:zipped.Len()/2]
	for _, c := range []struct {
		name, file, text, paths string
		rowsMin                 int
		want                    []string
	}{
		{"truncated gzip", "in.jsonl.gz", half, "[in.jsonl.gz]", 300, []string{"in.jsonl.gz: cannot be read on at line ", "unexpected EOF"}},
		{"truncated gzip, sorted", "in.jsonl.gz", half, "[in.jsonl.gz], sort: true", 300, []string{"in.jsonl.gz: cannot be read on at line ", "unexpected EOF"}},
		{"no gzip", "in.jsonl.gz", "hello, I am text\n", "[in.jsonl.gz]", 0, []string{"in.jsonl.gz: ", "gzip"}},
		{"empty gzip", "in.jsonl.gz", "", "[in.jsonl.gz]", 0, []string{"in.jsonl.gz: is empty, not a gzip file"}},
		{"no zstd", "in.jsonl.zst", "hello, I am text\n", "[in.jsonl.zst]", 0, []string{"in.jsonl.zst: cannot be read on at line 1: "}},
		{"no such file", "in.jsonl", "", "[nope.jsonl]", 0, []string{"nope.jsonl: no such file"}},
		{"a pattern without files", "in.jsonl", "", `["nope*.jsonl"]`, 0, []string{"nope*.jsonl: no such file"}},
		{"a folder", "sub/in.jsonl", "", "[sub]", 0, []string{"sub: is a folder, not a file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.file, c.text)
			path := write(t, dir, "c.yaml", strings.Replace(plainConfig, "[in.jsonl]", c.paths, 1))
			touchstream(t, nil, "run", "-c", path, "--until-end").want(t, exitFailed, append(c.want, `"msg":"summary"`, "sources.in: ")...)
			if c.rowsMin > 0 {
				events, sessions := rows(t, filepath.Join(dir, "out"), "events"), rows(t, filepath.Join(dir, "out"), "sessions")
				if len(events) < c.rowsMin || len(sessions) != len(events) {
					t.Errorf("%d events and %d sessions before the fault, want at least %d of both", len(events), len(sessions), c.rowsMin)
				}
			}
		})
	}
}

func TestFaultsOfOutputs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "in.jsonl", line("2026-01-01T00:00:00Z", "a"))
	for _, out := range []string{"in.jsonl", "/proc/touchstream"} {
		path := write(t, dir, "c.yaml", strings.Replace(plainConfig, "dir: out", "dir: "+out, 1))
		touchstream(t, nil, "run", "-c", path, "--until-end").want(t, exitFailed, "sinks.local: open: ", out)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := write(t, dir, "c.yaml", fmt.Sprintf("%shttp: {listen: %q}\n", plainConfig, taken.Addr()))
	touchstream(t, nil, "run", "-c", path, "--until-end").want(t, exitFailed, "http.listen "+taken.Addr().String()+": ", "address already in use")
	path = write(t, dir, "c.yaml", plainConfig)
	touchstream(t, nil, "run", "-c", path, "--until-end", "--summary", filepath.Join(dir, "no", "such")).want(t, exitFailed, "--summary: ")
}

// TestFullStandardOutput has commands whose output cannot be written.
func TestFullStandardOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	dir := t.TempDir()
	write(t, dir, "in.jsonl", "")
	path := write(t, dir, "c.yaml", plainConfig)
	for _, args := range []string{"version", "validate -c " + path, "schema markdown", "generate --customers 20 --days 1"} {
		c := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(args)...)
		c.Env = env(nil).list()
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = full, &stderr
		err := c.Run()
		if code := c.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("touchstream %s: exit code %d (%v), stderr %q", args, code, err, stderr.String())
		}
	}
}

// TestBadRecords has records that are no events: each is a dead letter, and the
// others count.
func TestBadRecords(t *testing.T) {
	noise := make([]byte, 100_000)
	dice := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(dice.Uint32())
	}
	broken := bytes.Count(bytes.TrimRight(noise, "\r\n"), []byte("\n")) + 1
	for _, c := range []struct {
		name, text string
		events     int64
		dead       map[string]int64
	}{
		{"empty", "", 0, nil},
		{"blank lines", "\n\r\n\n", 0, nil},
		{"binary", string(noise) + "\n" + line("2026-01-01T00:00:00Z", "a"), 1, map[string]int64{"malformed": int64(broken)}},
		{"a line of 10 MB", line("2026-01-01T00:00:00Z", "a") + line("2026-01-01T00:00:00Z", strings.Repeat("x", 10_000_000)) + line("2026-01-01T00:00:00Z", "b"), 2,
			map[string]int64{"too_large": 1}},
		{"clocks", line("1970-01-01T00:00:00Z", "a") + line("1969-12-31T23:59:59Z", "a") + line("2100-01-01T00:00:00Z", "a") + line("soon", "a") + `{"a":"a"}` + "\n" +
			line("2026-01-01T00:00:00Z", "a"), 2, map[string]int64{"bad_time": 2, "future_time": 1, "missing_field": 1}},
		{"no line end", strings.TrimSuffix(line("2026-01-01T00:00:00Z", "a"), "\n"), 1, nil},
		{"cut short", line("2026-01-01T00:00:00Z", "a") + `{"t":"2026-01-01T00:0`, 1, map[string]int64{"malformed": 1}},
		{"deep", strings.Repeat("[", 100_000) + "\n" + line("2026-01-01T00:00:00Z", "a"), 1, map[string]int64{"malformed": 1}},
		{"BOM and CRLF", "\ufeff" + strings.ReplaceAll(line("2026-01-01T00:00:00Z", "a")+line("2026-01-01T00:00:00Z", "b"), "\n", "\r\n"), 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "in.jsonl", c.text)
			s := bounded(t, write(t, dir, "c.yaml", plainConfig), nil)
			equal(t, "events", s.Events, c.events)
			equal(t, "dead letters", fmt.Sprint(s.DeadLetters), fmt.Sprint(c.dead))
			dead := rows(t, filepath.Join(dir, "out"), "dead_letters")
			total := int64(0)
			for _, n := range c.dead {
				total += n
			}
			equal(t, "rows of dead letters", int64(len(dead)), total)
			for _, r := range dead {
				if r["detail"] == "" || r["raw"] == "" || r.int("offset") < 1 || r["topic"] != "in.jsonl" || r["source"] != "in" {
					t.Errorf("a dead letter lacks something: %v", r)
				}
				if (r["reason"] == "malformed") && r["raw_encoding"] != "text" && r["raw_encoding"] != "base64" {
					t.Errorf("raw_encoding is %v", r["raw_encoding"])
				}
			}
		})
	}
}

// TestSecretsAreNotPrinted looks for the key in everything that validate says.
func TestSecretsAreNotPrinted(t *testing.T) {
	path := write(t, t.TempDir(), "c.yaml", strings.Replace(plainConfig, "key: k", `key: "${HIDDEN}"`, 1))
	write(t, filepath.Dir(path), "in.jsonl", "")
	o := touchstream(t, env{"HIDDEN": "dont-tell"}, "validate", "-c", path)
	o.want(t, exitOK)
	if strings.Contains(o.stdout+o.stderr, "dont-tell") || !strings.Contains(o.stdout, "identity.key") {
		t.Errorf("validate prints the key or not at all:\n%s%s", o.stdout, o.stderr)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "out")); err == nil {
		t.Error("validate made the output folder")
	}
}
