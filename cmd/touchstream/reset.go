package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstream/pipeline/journal"
	"touchstream/pipeline/snapshot"
)

func resetCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "reset -c FILE", Short: "Forget state, journal and spool", Args: noArgs,
		Long: "Forget state, journal and spool, so that the next run starts over from start under a new generation.\n" +
			"Tables and topics stay: rows of the new generation win over those of the old one with the same id.",
	}
	path := configFlag(c)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.RunE = func(c *cobra.Command, _ []string) error { return reset(c, *path, yes) }
	return c
}

func reset(c *cobra.Command, path string, yes bool) error {
	b, err := load(path, buildOptions{})
	if err != nil {
		return err
	}
	if err := b.durable(); err != nil {
		return err
	}
	if !yes {
		if err := b.confirm(c); err != nil {
			return err
		}
	}
	generation, err := b.nextGeneration()
	if err != nil {
		return err
	}
	if err := b.resetJournal(c.Context(), generation); err != nil {
		return err
	}
	// From here on snapshots and spool are void; what is left of them after a
	// crash is not looked at.
	err = errors.Join(snapshot.Prune(b.pipeline.SnapshotDir, 0), os.RemoveAll(b.pipeline.SinkDir))
	if err == nil {
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s is reset; the next run starts over under generation %d\n", b.pipeline.Name, generation)
	}
	return err
}

// confirm asks.
func (b *built) confirm(c *cobra.Command) error {
	where := "the files in " + b.settings.State.Dir
	if b.ledger != nil {
		where = "topic " + b.pipeline.Name + ".journal"
	}
	fmt.Fprintf(c.ErrOrStderr(), "This forgets the state of %s: its snapshots in %s, its journal (%s) and rows that wait in %s for a sink.\nTables and topics stay. Go on? [y/N] ",
		b.pipeline.Name, b.pipeline.SnapshotDir, where, b.pipeline.SinkDir)
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	if err != nil {
		return errors.New("nobody answered; nothing was changed (--yes goes on without asking)")
	}
	return errors.New("nothing was changed")
}

// nextGeneration is above that of any state so far.
func (b *built) nextGeneration() (uint32, error) {
	generation := uint32(time.Now().Unix())
	files, err := snapshot.List(b.pipeline.SnapshotDir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		generation = max(generation, f.Generation+1)
	}
	return generation, nil
}

// resetJournal forgets the journal, unless an instance runs.
func (b *built) resetJournal(ctx context.Context, generation uint32) error {
	if b.ledger != nil {
		return errors.Join(b.ledger.Reset(ctx, generation), b.ledger.Close())
	}
	files, err := journal.Open(b.settings.State.Dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	busy := false
	if err := files.Open(ctx, func() { busy = true; cancel() }); err != nil {
		if busy {
			return fmt.Errorf("an instance of %s runs with the state in %s; stop it first", b.pipeline.Name, b.settings.State.Dir)
		}
		return err
	}
	if least, err := files.Generation(); err == nil {
		generation = max(generation, least+1)
	}
	return errors.Join(files.Reset(generation), files.Close())
}
