package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"touchstream/cmd/touchstream/verify"
	"touchstream/pipeline/event"
	"touchstream/sinks/clickhouse"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	since, until, watermark string
	sql                     bool
	show                    int
}

func verifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "verify -c FILE", Args: noArgs,
		Short: "Derive the facts again from the raw events with SQL and compare them",
		Long: `Derives sessions, windows, ropo, abandonments and zone occupancy again from the table events in ClickHouse,
with SQL that was written from the definitions alone, and compares them row by row with the facts.

Exit code 0: all are equal; 1: it could not be found out; 2: wrong usage or configuration; 3: there are differences.`,
	}
	path := configFlag(c)
	var o verifyOptions
	c.Flags().StringVar(&o.since, "since", "", "compare facts that start at or after this time (RFC 3339, or a date)")
	c.Flags().StringVar(&o.until, "until", "", "compare facts that start before this time")
	c.Flags().StringVar(&o.watermark, "watermark", "", "facts are settled up to this time, or \"end\" after a run with --until-end (default: as /status or the facts tell)")
	c.Flags().BoolVar(&o.sql, "sql", false, "print the SQL with the configuration's parameters and do nothing")
	c.Flags().IntVar(&o.show, "show", 3, "differences to show for each table")
	c.RunE = func(c *cobra.Command, _ []string) error { return verifyFacts(c.Context(), c.OutOrStdout(), *path, o) }
	return c
}

// errDifferent says that verify found differences, which stand in its report.
var errDifferent = errors.New("")

func verifyFacts(ctx context.Context, out io.Writer, path string, o verifyOptions) error {
	b, err := load(path, buildOptions{})
	if err != nil {
		return err
	}
	p, sink, err := b.verification(o)
	if err != nil {
		return err
	}
	if o.sql {
		p.Watermark = verify.EndOfTime
		return p.Script(out)
	}
	// An interrupted one still drops its scratch database, unless told twice.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	conn, err := clickhouse.OpenSession(ctx, sink)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	sessions := []*clickhouse.Session{conn}
	defer func() {
		for _, s := range sessions {
			_ = s.Close() // it has nothing left to say
		}
	}()
	open := func(ctx context.Context) (verify.Conn, error) {
		s, err := conn.Another(ctx)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
		return s, nil
	}
	if err := b.settle(ctx, conn, p, o.watermark); err != nil {
		return err
	}
	report, err := p.Run(ctx, conn, open, o.show)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if err := report.Write(out); err != nil {
		return err
	}
	if report.IsDifferent() {
		return errDifferent
	}
	return nil
}

// verification gathers what the statements depend on, and finds the sink that
// has the events.
func (b *built) verification(o verifyOptions) (*verify.Params, clickhouse.Config, error) {
	s := b.settings
	p := &verify.Params{
		Lateness: s.lateness(), Blocked: s.Identity.Block, EventsPerMinute: int64(s.Bots.MaxEventsPerMinute),
		Bots:     append(slices.Clone(event.KnownBots), lower(s.Bots.UserAgents)...),
		Sessions: s.operators.sessions, Ropo: s.operators.ropo, Abandonment: s.operators.abandonment, Crowd: s.operators.crowd,
		Windows: s.operators.windows, Venue: b.venue,
	}
	for _, src := range s.sources {
		p.Sources = append(p.Sources, verify.Source{Name: src.name, IsFile: src.transport == "file", IsSorted: src.transport == "file" && src.file.sort,
			IsAdvisory: src.advisory, OutOfOrderness: src.time.MaxOutOfOrdernessMs, Lateness: src.time.AllowedLatenessMs})
	}
	var err error
	if p.Since, p.Until, err = o.bounds(); err != nil {
		return nil, clickhouse.Config{}, usageError{fmt.Errorf("verify: %w", err)}
	}
	for i, k := range s.sinks {
		if k.kind != "clickhouse" {
			continue
		}
		p.Database, p.Tables = k.clickhouse.Database, b.sinkTables(s.sinks[i])
		if !p.Has("events") {
			continue
		}
		if len(p.Derived()) == 0 {
			return nil, clickhouse.Config{}, usageError{errors.New("verify: none of sessions, ropo, abandonments, crowd and windows goes to ClickHouse beside events; there is nothing to compare")}
		}
		return p, k.clickhouse, nil
	}
	return nil, clickhouse.Config{}, usageError{errors.New("verify: no clickhouse sink takes the table events, from which the facts are derived again; add one, or name events in its tables")}
}

// bounds reads since and until; both are 0 if neither is given.
func (o *verifyOptions) bounds() (since, until int64, err error) {
	if o.since == "" && o.until == "" {
		return 0, 0, nil
	}
	until = time.Now().AddDate(100, 0, 0).UnixMilli()
	if o.since != "" {
		if since, err = timeOf("since", o.since); err != nil {
			return 0, 0, err
		}
	}
	if o.until != "" {
		if until, err = timeOf("until", o.until); err != nil {
			return 0, 0, err
		}
	}
	if since >= until {
		return 0, 0, fmt.Errorf("--since %s is not before --until %s", o.since, o.until)
	}
	return since, until, nil
}

func timeOf(flag, text string) (int64, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, fmt.Errorf("--%s %s is no time such as 2026-03-01T00:00:00Z or 2026-03-01", flag, text)
}
