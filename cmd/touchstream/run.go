package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"touchstream/pipeline"
)

type runOptions struct {
	untilEnd, publish, keepState bool
	summary                      string
}

func runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run -c FILE", Short: "Run the pipeline", Args: noArgs,
		Long: "Run the pipeline until SIGTERM or SIGINT: it then finishes the step, delivers and exits 0 within 10 s.\n" +
			"A second signal exits at once. With --until-end it stops by itself when every source has reached its end.",
	}
	path := configFlag(c)
	c.Flags().BoolVar(&o.untilEnd, "until-end", false, "stop when every source has reached its end; everything closes and is delivered")
	c.Flags().BoolVar(&o.keepState, "keep-state", false, "with --until-end: keep the state as it stands before everything closes, and go on from a state that is there")
	c.Flags().BoolVar(&o.publish, "publish", false, "with --until-end: also send triggers to Kafka")
	c.Flags().StringVar(&o.summary, "summary", "", "with --until-end: write the summary as JSON to `FILE`")
	c.RunE = func(c *cobra.Command, _ []string) error { return run(c, *path, o) }
	return c
}

func run(c *cobra.Command, path string, o runOptions) error {
	if !o.untilEnd && (o.publish || o.keepState || o.summary != "") {
		return usageError{fmt.Errorf("%s: --publish, --keep-state and --summary go with --until-end", c.CommandPath())}
	}
	options := buildOptions{bounded: o.untilEnd, publish: o.publish, keep: o.keepState}
	built, err := load(path, options)
	if err != nil {
		return err
	}
	if options.keeps() {
		if err := built.durable(); err != nil {
			return err
		}
	}
	log, err := newLog(c, built.settings.Log.Level)
	if err != nil {
		return err
	}
	m := newMetrics()
	built.pipeline.Log, built.pipeline.OnStep = log, m.observe
	p := pipeline.New(built.pipeline)
	m.status = p.Status()
	ctx, stop := signalContext(log)
	defer stop()
	server, err := serve(built.settings.HTTP.Listen, p, m, log)
	if err != nil {
		return err
	}
	defer server.close()
	if o.untilEnd && canDraw(os.Stderr) {
		defer progress(p.Status())()
	}
	log.Info("started", "name", built.pipeline.Name, "version", version)
	for _, k := range built.settings.sinks {
		if k.kind == "kafka" && o.untilEnd && !o.publish {
			log.Warn("sink left out", "sink", k.name, "why", "a bounded run sends to Kafka only with --publish")
		}
	}
	err = p.Run(ctx)
	if err == nil && o.untilEnd && ctx.Err() != nil {
		err = errors.New("stopped by a signal before the end of the input")
	}
	if err != nil {
		log.Error("failed", "error", err.Error())
	}
	if !o.untilEnd {
		log.Info("stopped")
		return logged(err)
	}
	s := summarise(p.Status())
	s.log(log)
	if o.summary != "" {
		return errors.Join(logged(err), s.write(o.summary))
	}
	return logged(err)
}

// signalContext ends at the first SIGTERM, SIGINT or SIGHUP; a second one exits at once.
func signalContext(log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, os.Interrupt)
	go func() {
		select {
		case s := <-signals:
			log.Info("stopping", "signal", s.String())
			cancel()
		case <-done:
			return
		}
		select {
		case <-signals:
			os.Exit(exitFailed)
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel() }
}

// progress draws a line on the terminal until the returned function is called.
func progress(s *pipeline.Status) (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(stopped)
		every := time.NewTicker(200 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-stop:
				fmt.Fprint(os.Stderr, "\r\x1b[K")
				return
			case <-every.C:
				n := s.Records.Load()
				fmt.Fprintf(os.Stderr, "\r\x1b[K%d records, %.0f/s, watermark %s", n, float64(n)/time.Since(began).Seconds(), watermarkText(s.Watermark.Load()))
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

func watermarkText(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return "-"
	}
	return t.Format(time.RFC3339)
}
