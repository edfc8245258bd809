package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstream/deploy/dev/devtest"
)

// commandVariable makes the test binary the command itself.
const commandVariable = "TOUCHSTREAM_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) == "1" {
		main()
	}
	devtest.Main(m)
}

// commandMax bounds one run of the command.
const commandMax = 2 * time.Minute

// env are variables of the environment, by name.
type env map[string]string

func (e env) list() []string {
	out := append(os.Environ(), commandVariable+"=1")
	for k, v := range e {
		out = append(out, k+"="+v)
	}
	return out
}

// outcome is what a run of the command left.
type outcome struct {
	code           int
	stdout, stderr string
}

// touchstream runs the command to its end.
func touchstream(t *testing.T, e env, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandMax)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = e.list()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("touchstream %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want fails the test unless the exit code is as given and stderr has all texts.
func (o outcome) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d; stderr:\n%s", o.code, code, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, o.stderr)
		}
	}
	if strings.Contains(o.stderr, "goroutine ") {
		t.Errorf("the command panicked:\n%s", o.stderr)
	}
}

// bounded runs a configuration to the end of its input and returns the
// summary; the exit code must be 0.
func bounded(t *testing.T, config string, e env, args ...string) summary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "summary.json")
	o := touchstream(t, e, append([]string{"run", "-c", config, "--until-end", "--summary", path}, args...)...)
	if o.code != exitOK {
		t.Fatalf("run -c %s: exit code %d\n%s", config, o.code, o.stderr)
	}
	if o.stdout != "" {
		t.Errorf("run -c %s wrote to stdout: %.200s", config, o.stdout)
	}
	return readSummary(t, path)
}

func readSummary(t *testing.T, path string) summary {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}

// process is a run of the command that goes on.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}

	mu    sync.Mutex
	lines []string
	grown chan struct{} // closed and renewed at each line
}

// start starts the command; it is killed when the test ends.
func start(t *testing.T, e env, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), exited: make(chan struct{}), grown: make(chan struct{})}
	p.cmd.Env = e.list()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.read(stderr)
		_ = p.cmd.Wait() // the state tells how it ended
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.exited
		if t.Failed() {
			t.Logf("stderr of touchstream %s:\n%s", strings.Join(args, " "), p.stderr())
		}
	})
	return p
}

func (p *process) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.grown)
		p.grown = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// line waits for a line of stderr that has the text.
func (p *process) line(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(commandMax)
	for from := 0; ; {
		p.mu.Lock()
		lines, grown := p.lines, p.grown
		p.mu.Unlock()
		for ; from < len(lines); from++ {
			if strings.Contains(lines[from], text) {
				return lines[from]
			}
		}
		select {
		case <-grown:
		case <-p.exited:
			if strings.Contains(p.stderr(), text) {
				continue
			}
			t.Fatalf("the command ended without a line with %q", text)
		case <-deadline:
			t.Fatalf("no line with %q within %s", text, commandMax)
		}
	}
}

// stop sends a signal and returns the exit code and how long it took.
func (p *process) stop(t *testing.T, s os.Signal) (code int, took time.Duration) {
	t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(commandMax):
		t.Fatalf("the command still runs %s after %v", commandMax, s)
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(began)
}

// row is a row of a jsonl file, numbers as they are written.
type row map[string]any

// rows reads a table's jsonl file; a missing one has none.
func rows(t *testing.T, dir, table string) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, table+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	for n, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		r := row{}
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		if err := dec.Decode(&r); err != nil {
			t.Fatalf("%s.jsonl:%d: %v", table, n+1, err)
		}
		out = append(out, r)
	}
	return out
}

// final are the rows of the highest revision of each key without tombstones,
// in the order of their first appearance.
func final(all []row, key ...string) []row {
	newest := map[string]row{}
	var order []string
	for _, r := range all {
		k := r.text(key...)
		old, ok := newest[k]
		if !ok {
			order = append(order, k)
		}
		if !ok || r.int("revision") > old.int("revision") {
			newest[k] = r
		}
	}
	var out []row
	for _, k := range order {
		if newest[k]["is_deleted"] != true {
			out = append(out, newest[k])
		}
	}
	return out
}

// text is the values of columns in one text.
func (r row) text(columns ...string) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteByte('|')
		}
		fmt.Fprint(&b, r[c])
	}
	return b.String()
}

// int is a whole number, 0 when absent.
func (r row) int(column string) int64 {
	n, ok := r[column].(json.Number)
	if !ok {
		return 0
	}
	v, err := n.Int64()
	if err != nil {
		panic(fmt.Sprintf("%s is %s, which is no whole number", column, n))
	}
	return v
}

// count counts the rows for which f holds.
func count(all []row, f func(row) bool) int {
	n := 0
	for _, r := range all {
		if f(r) {
			n++
		}
	}
	return n
}

// write writes a file of a test and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
