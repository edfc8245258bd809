package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/sources/file"
)

func validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "validate -c FILE", Short: "Check a configuration and print the resolved plan", Args: noArgs,
	}
	path := configFlag(c)
	connect := c.Flags().Bool("connect", false, "also try the servers")
	c.RunE = func(c *cobra.Command, _ []string) error { return validate(c, *path, *connect) }
	return c
}

func validate(c *cobra.Command, path string, connect bool) error {
	b, err := load(path, buildOptions{publish: true, files: true})
	if err != nil {
		return err
	}
	log, err := newLog(c, b.settings.Log.Level)
	if err != nil {
		return err
	}
	b.pipeline.Log = log
	if err := b.plan(c.OutOrStdout()); err != nil || !connect {
		return err
	}
	return b.connect(c.Context(), c.OutOrStdout())
}

// checkFiles reports files that sources name and that are not there.
func (b *built) checkFiles() {
	for _, src := range b.settings.sources {
		if src.transport != "file" || !b.clean("sources."+src.name+".file") {
			continue
		}
		if _, err := file.Files(b.file.Dir(), src.file.paths); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				b.fault(src.file.at, "%s", line)
			}
		}
	}
}

// plan prints sources → operators → sinks, tables, bounds and all keys.
func (b *built) plan(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	s := b.settings
	fmt.Fprintf(w, "pipeline %s: %d shards, %d lanes\n\nsources\n", s.Name, s.Shards, b.pipeline.Lanes)
	for _, src := range s.sources {
		fmt.Fprintf(w, "  %s\t%s → %s\tout of orderness %s, idle after %s\n", src.name, src.transport, src.decoder,
			config.FormatDuration(src.time.MaxOutOfOrdernessMs), config.FormatDuration(src.time.IdleAfterMs))
	}
	fmt.Fprintln(w, "\noperators")
	fmt.Fprintf(w, "  identity\tevery event, on arrival\t→ %s\n", tableList(b.pipeline.NewResolver().Spec()))
	for _, op := range b.pipeline.Operators {
		spec := op.Spec()
		order := "on arrival"
		if spec.Order == pipeline.InTime {
			order = "in time order"
		}
		fmt.Fprintf(w, "  %s\tby %s, %s\t→ %s\n", op.Name(), spec.Key, order, tableList(spec))
	}
	fmt.Fprintln(w, "\nsinks")
	for _, k := range b.pipeline.Sinks {
		var names []string
		for _, t := range k.Tables {
			names = append(names, t.Name)
		}
		fmt.Fprintf(w, "  %s\t%s\t← %s\n", k.Name, b.kindOf(k.Name), strings.Join(names, " "))
	}
	fmt.Fprintf(w, "\nbounds\n  state\t%s\n  rows waiting for the watermark\t%d\n  message ids\t%d\n  a step\t%d records\n",
		config.FormatSize(s.State.MemoryMaxBytes), b.pipeline.BufferRows, b.pipeline.DedupEntries, b.pipeline.MaxRecords)
	fmt.Fprintln(w, "\nkeys as they stand")
	for _, k := range b.file.Settings() {
		mark := ""
		if k.IsDefault {
			mark = "(default)"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", k.Path, k.Value, mark)
	}
	return w.Flush()
}

func tableList(s pipeline.Spec) string {
	names := make([]string, 0, len(s.Tables))
	for _, t := range s.Tables {
		names = append(names, t.Name)
	}
	return strings.Join(names, " ")
}

func (b *built) kindOf(sink string) string {
	for _, k := range b.settings.sinks {
		if k.name == sink {
			return k.kind
		}
	}
	return ""
}

// connectWithin bounds the trial of one server.
const connectWithin = 10 * time.Second

// connect tries all servers and reports each.
func (b *built) connect(ctx context.Context, out io.Writer) error {
	var errs []error
	try := func(where string, part any) {
		p, ok := part.(pipeline.Prober)
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, connectWithin)
		defer cancel()
		if err := p.Probe(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
			return
		}
		fmt.Fprintf(out, "%s: reached\n", where)
	}
	for _, s := range b.pipeline.Sources {
		try("sources."+s.Name, s.Source)
	}
	for _, k := range b.pipeline.Sinks {
		try("sinks."+k.Name, k.Sink)
	}
	return errors.Join(errs...)
}
