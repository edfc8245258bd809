package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const usage = `usage: go run ./bench/suite COMMAND [FLAGS] [SUITE ...]

  run       run suites, print tables, write JSON to the output folder
  compare   run suites of two commits by turns and let benchstat judge
  check     compare the suites of ratios with the baseline; exit 1 when one has fallen
  baseline  run suites and write the baseline anew

Suites: %s
With servers (ClickHouse, Kafka): %s
Without a name: run takes all that need no servers, baseline those of ratios as
well, compare takes %s.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(os.Stderr, usage, strings.Join(names(false), " "), strings.Join(names(true), " "), strings.Join(telling, " "))
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
}

// options are the flags of all commands.
type options struct {
	dir      string // of the JSON of runs
	baseline string
	base     string
	rounds   int
	tries    int
	short    bool
	suites   []suite
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return flag.ErrHelp
	}
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.dir, "out", "out/bench", "folder of the JSON of runs")
	flags.StringVar(&o.baseline, "baseline", "bench/baseline.json", "the recorded run")
	flags.StringVar(&o.base, "base", "", "the commit to compare with; empty: HEAD, or its parent when nothing is uncommitted")
	flags.IntVar(&o.rounds, "rounds", 6, "rounds of a comparison")
	flags.IntVar(&o.tries, "tries", 3, "tries of a check before it fails")
	flags.BoolVar(&o.short, "short", false, "small states and short runs")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	command, defaults := args[0], names(false)
	switch command {
	case "compare":
		defaults = telling
	case "baseline":
		defaults = recorded()
	}
	chosen := flags.Args()
	if len(chosen) == 0 {
		chosen = defaults
	}
	for _, name := range chosen {
		s, err := named(name)
		if err != nil {
			return err
		}
		o.suites = append(o.suites, s)
	}
	switch command {
	case "run":
		return o.run(ctx, out)
	case "baseline":
		return o.writeBaseline(ctx, out)
	case "compare":
		return o.compare(ctx, out)
	case "check":
		return o.check(ctx, out)
	}
	return flag.ErrHelp
}
