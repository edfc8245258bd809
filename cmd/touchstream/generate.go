package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstream/pipeline/config"
	"touchstream/sources/generator"
)

// generateOptions say where a world goes.
type generateOptions struct {
	world              generator.Options
	disorder           string
	brokers            []string
	prefix, dir, truth string
	venue              string
}

func generateCommand() *cobra.Command {
	o := generateOptions{world: generator.Defaults()}
	w := &o.world
	c := &cobra.Command{
		Use: "generate", Short: "Write a synthetic omnichannel world to Kafka, files or stdout", Args: noArgs,
		Long: "Write a synthetic omnichannel world as Segment JSON, one topic for each channel: to Kafka with --kafka,\n" +
			"to DIR/<topic>.jsonl with --dir, else to stdout. Record timestamps are the times of arrival in the world.",
	}
	f := c.Flags()
	f.Uint64Var(&w.Seed, "seed", w.Seed, "fixes everything: equal options give equal bytes")
	f.IntVar(&w.Customers, "customers", w.Customers, "people in the world")
	f.IntVar(&w.Days, "days", w.Days, "length of the world in days")
	f.Float64Var(&w.Rate, "rate", w.Rate, "records per second; 0: as fast as possible")
	f.StringVar(&o.disorder, "disorder", config.FormatDuration(w.DisorderMaxMS), "the longest delay of a record out of order, such as 5s")
	f.Float64Var(&w.DisorderShare, "disorder-share", w.DisorderShare, "share of records out of order")
	f.Float64Var(&w.LateShare, "late", w.LateShare, "share of app sessions whose phone is offline for minutes")
	f.Float64Var(&w.DuplicateShare, "duplicates", w.DuplicateShare, "share of records delivered twice")
	f.Float64Var(&w.BadShare, "bad", w.BadShare, "share of records that cannot be decoded")
	f.StringSliceVar(&o.brokers, "kafka", nil, "brokers to write to, `HOST:PORT,…`; missing topics are created")
	f.StringVar(&o.prefix, "topic-prefix", "", "put before the names of topics")
	f.StringVar(&o.dir, "dir", "", "folder to write DIR/<topic>.jsonl to")
	f.StringVar(&o.truth, "truth", "", "folder to write the facts that hold by construction to, as csv")
	f.StringVar(&o.venue, "venue", "", "`FILE` to write the world's venue file to")
	c.RunE = func(c *cobra.Command, _ []string) error {
		disorder, err := config.ParseDuration(o.disorder)
		if err != nil {
			return usageError{fmt.Errorf("--disorder %s: %w", o.disorder, err)}
		}
		w.DisorderMaxMS = disorder
		if err := w.Validate(); err != nil {
			return usageError{err}
		}
		if len(o.brokers) > 0 && o.dir != "" {
			return usageError{errors.New("--kafka and --dir exclude one another")}
		}
		return generate(c.Context(), o)
	}
	return c
}

// recordWriter takes the records of a world.
type recordWriter interface {
	write(ctx context.Context, r *generator.Record) error
	close(ctx context.Context) error
}

func generate(ctx context.Context, o generateOptions) (err error) {
	if o.venue != "" {
		err := os.MkdirAll(filepath.Dir(o.venue), 0o755)
		if err == nil {
			err = os.WriteFile(o.venue, generator.AppendVenue(nil), 0o644)
		}
		if err != nil {
			return fmt.Errorf("--venue: %w", err)
		}
	}
	var truth *generator.Truth
	if o.truth != "" {
		if truth, err = generator.CreateTruth(o.truth); err != nil {
			return fmt.Errorf("--truth: %w", err)
		}
		defer func() { err = errors.Join(err, truth.Close()) }()
	}
	world, err := generator.New(o.world, truth)
	if err != nil {
		return err
	}
	out, err := o.writer(ctx)
	if err != nil {
		return err
	}
	if err := pump(ctx, world, o.world.Rate, out); err != nil {
		return errors.Join(err, out.close(ctx))
	}
	return out.close(ctx)
}

func (o *generateOptions) writer(ctx context.Context) (recordWriter, error) {
	switch {
	case len(o.brokers) > 0:
		return newTopicWriter(ctx, o.brokers, func(topic string) string { return o.prefix + topic })
	case o.dir != "":
		return newFolderWriter(o.dir, o.prefix)
	}
	return &lineWriter{out: bufio.NewWriterSize(os.Stdout, 1<<16)}, nil
}

// pump writes all records, at most rate a second.
func pump(ctx context.Context, world generator.Stream, rate float64, out recordWriter) error {
	var r generator.Record
	began := time.Now()
	for n := 1; world.Next(&r); n++ {
		if err := out.write(ctx, &r); err != nil {
			return err
		}
		if n%64 != 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if rate > 0 {
			ahead := time.Duration(float64(n)/rate*float64(time.Second)) - time.Since(began)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(ahead):
			}
		}
	}
	return nil
}

// lineWriter writes records as lines.
type lineWriter struct {
	out    *bufio.Writer
	closer io.Closer
}

func (w *lineWriter) write(_ context.Context, r *generator.Record) error {
	if _, err := w.out.Write(r.Value); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

func (w *lineWriter) close(context.Context) error {
	err := w.out.Flush()
	if w.closer != nil {
		err = errors.Join(err, w.closer.Close())
	}
	return err
}

// folderWriter writes one file for each topic.
type folderWriter struct{ files map[string]*lineWriter }

func newFolderWriter(dir, prefix string) (*folderWriter, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	w := &folderWriter{files: map[string]*lineWriter{}}
	for _, topic := range generator.Topics() {
		f, err := os.Create(filepath.Join(dir, prefix+topic+".jsonl"))
		if err != nil {
			return nil, fmt.Errorf("--dir: %w", err)
		}
		w.files[topic] = &lineWriter{out: bufio.NewWriterSize(f, 1<<16), closer: f}
	}
	return w, nil
}

func (w *folderWriter) write(ctx context.Context, r *generator.Record) error {
	// A bad record may hold line ends; in a file it must stay one line.
	if strings.ContainsAny(string(r.Value), "\n") {
		r.Value = []byte(strings.ReplaceAll(string(r.Value), "\n", " "))
	}
	return w.files[r.Topic].write(ctx, r)
}

func (w *folderWriter) close(ctx context.Context) error {
	var errs []error
	for _, topic := range generator.Topics() {
		errs = append(errs, w.files[topic].close(ctx))
	}
	return errors.Join(errs...)
}
