package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"touchstream/deploy/dev"
	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/sources/generator"
)

//go:embed demo.yaml
var demoConfig []byte

// The demo's world: about four of its days pass in a minute.
const (
	demoCustomers  = 5_000
	demoDays       = 3_650
	demoRate       = 4_000 // records a second
	demoPartitions = 4
	demoTopic      = "touchpoints"
)

func demoCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "demo", Short: "Run everything embedded: broker, ClickHouse, generator, pipeline", Args: noArgs,
		Long: "Run a synthetic world through an embedded Kafka broker and the real ClickHouse engine, in one process tree.\n" +
			"What is missing is fetched. The world's days pass faster than the clock: record timestamps are event times.",
	}
	period := c.Flags().Duration("for", 0, "end by itself after this time, such as 30s")
	keep := c.Flags().String("dir", "", "keep ClickHouse's data in this folder (default: a temporary one)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *period < 0 {
			return usageError{fmt.Errorf("--for %s must not be below 0", *period)}
		}
		return demo(c, *period, *keep)
	}
	return c
}

func demo(c *cobra.Command, period time.Duration, dir string) (err error) {
	log, err := newLog(c, "warn")
	if err != nil {
		return err
	}
	ctx, stop := signalContext(log)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newDemoOutput(c.OutOrStdout(), cancel)
	defer func() {
		if broken := out.err(); broken != nil {
			err = fmt.Errorf("demo: %w", broken) // whatever else ended because of it
		}
	}()
	if dir == "" {
		if dir, err = os.MkdirTemp("", "touchstream-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	fmt.Fprintln(out, "starting the ClickHouse engine and a broker …")
	warehouse, err := dev.StartClickHouse(ctx, dev.Config{Dir: filepath.Join(dir, "clickhouse"), Progress: os.Stderr})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = warehouse.Stop() }() // its data goes with it
	broker, err := dev.StartFakeKafka(dev.FakeKafkaConfig{Topics: map[string]int32{demoTopic: demoPartitions}})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer broker.Close()
	b, err := demoPipeline(dir, broker.Brokers()[0], warehouse.Addr())
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	m := newMetrics()
	b.pipeline.Log, b.pipeline.OnStep = log, m.observe
	p := pipeline.New(b.pipeline)
	m.status = p.Status()
	server, err := serve(b.settings.HTTP.Listen, p, m, log)
	if err != nil {
		return err
	}
	defer server.close()
	fmt.Fprintf(out, "ClickHouse answers on %s (native) and http://%s, database demo; the pipeline's status on http://%s/status\n",
		warehouse.Addr(), warehouse.HTTPAddr(), server.address)
	fmt.Fprintln(out, "The world's days pass faster than the clock. Stop with Ctrl-C.")
	if err := demoRun(ctx, p, broker.Brokers(), period, out); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return demoReport(out, warehouse.Addr(), b)
}

// demoOutput ends the demo when nobody reads what it prints any more, so that
// the engine and its folder do not stay behind.
type demoOutput struct {
	to     io.Writer
	stop   func()
	failed atomic.Pointer[error]
}

func newDemoOutput(to io.Writer, stop func()) *demoOutput {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a write then fails instead
	return &demoOutput{to: to, stop: stop}
}

// Write writes to the output.
func (o *demoOutput) Write(text []byte) (int, error) {
	n, err := o.to.Write(text)
	if err != nil && o.failed.CompareAndSwap(nil, &err) {
		o.stop()
	}
	return n, err
}

// err is the first error of a write.
func (o *demoOutput) err() error {
	if e := o.failed.Load(); e != nil {
		return *e
	}
	return nil
}

// isTerminal reports whether a line of the output can be drawn anew.
func (o *demoOutput) isTerminal() bool {
	f, ok := o.to.(*os.File)
	return ok && canDraw(f)
}

// demoPipeline builds the demo's pipeline from its configuration.
func demoPipeline(dir, broker, warehouse string) (*built, error) {
	var key [16]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "venue.yaml"), generator.AppendVenue(nil), 0o644); err != nil {
		return nil, err
	}
	values := map[string]string{"DEMO_KEY": hex.EncodeToString(key[:]), "DEMO_DIR": dir, "DEMO_KAFKA": broker, "DEMO_CLICKHOUSE": warehouse}
	f, err := config.Parse("demo.yaml", demoConfig, func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	})
	if err != nil {
		return nil, err
	}
	b, err := build(f, buildOptions{})
	if err != nil {
		return nil, err
	}
	// The broker is a new one each time, and so is the state.
	if err := os.RemoveAll(b.settings.State.Dir); err != nil {
		return nil, err
	}
	return b, b.durable()
}

// demoRun lets the world run through the pipeline until the period or the
// context has ended, and delivers what is folded.
func demoRun(ctx context.Context, p *pipeline.Pipeline, brokers []string, period time.Duration, out *demoOutput) error {
	if period > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, period)
		defer cancel()
	}
	options := generator.Defaults()
	options.Customers, options.Days, options.Rate = demoCustomers, demoDays, demoRate
	world, err := generator.New(options, nil)
	if err != nil {
		return err
	}
	topics, err := newTopicWriter(ctx, brokers, func(string) string { return demoTopic })
	if err != nil {
		return err
	}
	worldDone := make(chan error, 1)
	go func() {
		err := pump(ctx, world, options.Rate, topics)
		worldDone <- errors.Join(ignoreEnd(err), topics.close(ctx))
	}()
	summaryDone := make(chan struct{})
	go func() {
		defer close(summaryDone)
		demoWatch(ctx, p.Status(), out)
	}()
	err = p.Run(ctx)
	<-summaryDone
	return errors.Join(err, <-worldDone)
}

func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// demoWatch prints how the pipeline stands: a line that changes on a terminal,
// else one every five seconds.
func demoWatch(ctx context.Context, s *pipeline.Status, out *demoOutput) {
	every, start, end := 5*time.Second, "", "\n"
	if out.isTerminal() {
		every, start, end = 500*time.Millisecond, "\r\x1b[K", ""
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(out, strings.Repeat("\n", len(start)/4))
			return
		case <-ticker.C:
			rows := s.Rows()
			n := s.Events.Load()
			fmt.Fprintf(out, "%sworld time %s · %d events (%.0f/s) · sessions %d · ropo %d · abandonments %d · crowd %d · triggers %d%s", start,
				watermarkText(s.Watermark.Load()), n, float64(n)/time.Since(began).Seconds(),
				rows["sessions"], rows["ropo"], rows["abandonments"], rows["crowd"], rows["triggers"], end)
		}
	}
}
