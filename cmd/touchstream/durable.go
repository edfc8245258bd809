package main

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"touchstream/pipeline"
	"touchstream/pipeline/journal"
	"touchstream/pipeline/kafkaconn"
	"touchstream/sinks/kafka"
)

// stateVersion is that of states: a version that folds in another way has
// another one. Behind a stop in order a program takes the snapshot of the one
// before.
const stateVersion = "0.3"

// durable makes the pipeline keep its state: a journal, snapshots, and the
// sinks' folders.
func (b *built) durable() error {
	s := b.settings
	j, err := b.journal()
	if err != nil {
		return err
	}
	p := &b.pipeline
	p.Journal = j
	p.SnapshotDir, p.SinkDir = s.State.Snapshots, filepath.Join(s.State.Dir, "spool")
	p.SnapshotEvery, p.SnapshotCopies = s.State.SnapshotEveryMs, s.State.MemoryMaxBytes/4
	p.Version = stateVersion
	if p.Plan, err = b.settingsOfState(); err != nil {
		return err
	}
	p.ComparePlan = func(former []pipeline.Setting, replays bool) error {
		return comparePlans(former, p.Plan, replays, s.State.Dir+" and "+s.State.Snapshots, slog.New(p.Log.Handler()))
	}
	return nil
}

// journal is the topic <name>.journal where Kafka takes part, else files.
func (b *built) journal() (pipeline.Journal, error) {
	if b.ledger != nil {
		return b.ledger, nil
	}
	return journal.Open(b.settings.State.Dir)
}

// ledgerConn is the Kafka cluster that holds the journal: that of the sink, whose
// messages are in its transactions, else that of the first source; nil without
// Kafka.
func (b *built) ledgerConn() *kafkaconn.Conn {
	for _, k := range b.settings.sinks {
		if k.kind == "kafka" {
			return &k.kafka.Conn
		}
	}
	for _, src := range b.settings.sources {
		if src.transport == "kafka" {
			return &src.kafka.Conn
		}
	}
	return nil
}

// openLedger makes the ledger, if Kafka takes part.
func (b *built) openLedger() {
	conn := b.ledgerConn()
	if conn == nil {
		return
	}
	for _, k := range b.settings.sinks {
		if k.kind == "kafka" && !slices.Equal(sorted(k.kafka.Brokers), sorted(conn.Brokers)) {
			b.fault(k.pos, "its messages cannot be in one transaction with those of brokers %s: all Kafka sinks of a pipeline must be on one cluster, named by the same brokers",
				strings.Join(conn.Brokers, ", "))
		}
	}
	l, err := kafka.NewLedger(conn, b.settings.Name, true)
	if err != nil {
		b.fault(b.settings.sources[0].pos, "%s", err)
		return
	}
	b.ledger = l
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
