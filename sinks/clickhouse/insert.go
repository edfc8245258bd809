package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"touchstream/pipeline/schema"
)

// deliver inserts a block, unless a former attempt turns out to have done it.
func (s *Sink) deliver(ctx context.Context, o *block) error {
	if o.doubtful != "" {
		done, err := s.settle(ctx, o)
		if err != nil || done {
			return err
		}
	}
	if s.client == nil {
		client, err := dial(ctx, &s.cfg)
		if err != nil {
			return explain(&s.cfg, err)
		}
		s.client = client
	}
	o.attempt++
	o.doubtful = fmt.Sprintf("touchstream-%s-%s-%x-%d", s.cfg.Database, o.table.Name, o.number, o.attempt)
	bounded, cancel := context.WithTimeout(ctx, time.Duration(s.cfg.TimeoutMs)*time.Millisecond)
	defer cancel()
	err := s.client.Do(bounded, ch.Query{Body: insertStatement(&s.cfg, o.table), QueryID: o.doubtful, Input: input(o)})
	if err != nil {
		// A connection that broke off in the middle cannot be used again, and
		// why it failed to close does not matter.
		_ = s.client.Close()
		s.client = nil
		return explain(&s.cfg, err)
	}
	return nil
}

// settle ends the former attempt of a block and tells whether it succeeded.
func (s *Sink) settle(ctx context.Context, o *block) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	kill := "KILL QUERY" + onCluster(Options{Cluster: s.cfg.Cluster}) + " WHERE query_id = " + quoteText(o.doubtful) + " SYNC"
	if err := s.conn.Exec(ctx, kill); err != nil {
		return false, explain(&s.cfg, err)
	}
	var n uint64
	count := "SELECT count() FROM " + tableName(Options{Database: s.cfg.Database}, o.table.Name) + " WHERE _block = ?"
	if err := s.conn.QueryRow(ctx, count, o.number).Scan(&n); err != nil {
		return false, explain(&s.cfg, err)
	}
	// Fewer than all is all, too: a block goes in whole, and rows that have a
	// newer version may have been merged away already.
	return n > 0, nil
}

func insertStatement(c *Config, t *schema.Table) string {
	var names []string
	for _, col := range tableColumns(t) {
		names = append(names, quoteName(col.name))
	}
	return "INSERT INTO " + tableName(Options{Database: c.Database}, t.Name) + " (" + strings.Join(names, ", ") + ") VALUES"
}

// input is the block in the order of the statement's columns.
func input(o *block) proto.Input {
	var in proto.Input
	for i, c := range o.columns {
		in = append(in, proto.InputColumn{Name: o.table.Columns[i].Name, Data: c})
	}
	return append(in, proto.InputColumn{Name: "_block", Data: &o.id}, proto.InputColumn{Name: "_version", Data: &o.version})
}
