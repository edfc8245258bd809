package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"touchstream/deploy/dev"
)

func main() {
	dev.ChildMain()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// peer is a system that can be named on the command line.
type peer struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

var peers = []peer{
	{"naive", runNaive}, {"flink", runFlink}, {"kafka-streams", runKafkaStreams}, {"clickhouse", runClickHouse},
}

func start(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == childName {
		return runChild(ctx, args[1:])
	}
	b := &bench{}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.IntVar(&b.events, "events", 1_000_000, "events that are read from a file")
	flags.IntVar(&b.kafkaEvents, "kafka-events", 300_000, "events that are read from Kafka")
	flags.IntVar(&b.passes, "passes", 2, "passes of a JVM over its input; the last one is measured")
	flags.StringVar(&b.out, "out", "out/bench", "folder that the table goes to, as peers.json")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var names, chosen []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	for _, name := range flags.Args() {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%q is no peer; there are %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, name)
	}
	if len(chosen) == 0 {
		chosen = names
	}
	if b.events <= 0 || b.kafkaEvents <= 0 || b.passes <= 0 {
		return fmt.Errorf("--events %d, --kafka-events %d and --passes %d must be above 0", b.events, b.kafkaEvents, b.passes)
	}
	return b.runAll(ctx, chosen)
}

// bench is one run of the command.
type bench struct {
	events, kafkaEvents, passes int
	out                         string

	dir     string // scratch, removed at the end
	program string // touchstream, built
	version string // of the source that it was built from
	input   string // the file of events
	kafka   *dev.Kafka
	facts   map[string]*reference // by source of the input and job
	results []result
}

func (b *bench) runAll(ctx context.Context, chosen []string) (err error) {
	if b.dir, err = os.MkdirTemp("", "touchstream-peers-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.program = filepath.Join(b.dir, "touchstream")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.program, "touchstream/cmd/touchstream").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	b.version = "unknown"
	if out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		b.version = strings.TrimSpace(string(out))
	}
	b.input = filepath.Join(b.dir, "web.jsonl")
	if err := writeInput(b.input, b.events); err != nil {
		return err
	}
	if err := b.runOurs(ctx); err != nil {
		return err
	}
	for _, p := range peers {
		if !slices.Contains(chosen, p.name) {
			continue
		}
		// One that fails does not keep the others from being measured.
		if fault := p.run(ctx, b); fault != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.name, fault))
		}
	}
	return errors.Join(err, b.report())
}

func (b *bench) close() error {
	var err error
	if b.kafka != nil {
		err = b.kafka.Kill()
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// path makes a folder in the scratch folder.
func (b *bench) path(name string) (string, error) {
	dir := filepath.Join(b.dir, name)
	return dir, os.MkdirAll(dir, 0o755)
}
