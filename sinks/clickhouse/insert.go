package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// insert sends a block with the client. Any error leaves it in doubt.
func (s *sender) insert(ctx context.Context, client *ch.Client, p *parcel, o *block) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.cfg.TimeoutMs)*time.Millisecond)
	defer cancel()
	return client.Do(ctx, ch.Query{
		Body:     insertStatement(&s.cfg, o),
		QueryID:  fmt.Sprintf("%s%s-%d", s.queryPrefix(p), s.process, p.attempt),
		Settings: s.settings(p),
		Input:    input(o),
	})
}

// settings give inserts into replicated tables a token, by which Keeper takes
// the block once, through whichever replica. Other tables have no use for it.
func (s *sender) settings(p *parcel) []ch.Setting {
	if !s.replicated[p.table.Name] {
		return nil
	}
	return []ch.Setting{{Key: "insert_deduplication_token", Value: fmt.Sprintf("touchstream-%x", p.number), Important: true}}
}

func insertStatement(c *Config, o *block) string {
	var names []string
	for _, col := range o.columns {
		names = append(names, quoteName(col.field))
	}
	names = append(names, "`_block`", "`_version`")
	return "INSERT INTO " + tableName(Options{Database: c.Database}, o.table.Name) + " (" + strings.Join(names, ", ") + ") VALUES"
}

// input is the block in the order of the statement's columns.
func input(o *block) proto.Input {
	var in proto.Input
	for _, c := range o.columns {
		in = append(in, proto.InputColumn{Name: c.field, Data: c})
	}
	return append(in, proto.InputColumn{Name: "_block", Data: &o.id}, proto.InputColumn{Name: "_version", Data: &o.version})
}
