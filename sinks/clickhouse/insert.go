package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// tokensMax bounds the tokens that one delivery tries.
const tokensMax = 16

// insert brings a block into its table with the client. Any error leaves it in
// doubt.
//
// A server that knows the block's token takes nothing. Mostly another process
// sent the block. But a server that is killed may have noted a token and lost
// the rows, and so may one that failed to finish a part. So the block is settled
// then, and goes under the next token if it is missing. All processes try the
// tokens of a block in the same order: what two of them send is taken once.
func (s *sender) insert(ctx context.Context, client *ch.Client, p *parcel, o *block) error {
	for range tokensMax {
		taken, err := s.send(ctx, client, p, o)
		if err != nil || taken {
			return err
		}
		done, err := s.settle(ctx, p)
		if err != nil || done {
			return err
		}
		p.stale++
		p.attempt++
	}
	return pipeline.Retryable(fmt.Errorf("ClickHouse says of block %x with %d rows of table %s that it has it, and has no row of it; it is sent again under further tokens, the next is %s",
		p.number, p.rows, p.table.Name, p.token()))
}

// send sends a block once and tells whether the server took it.
func (s *sender) send(ctx context.Context, client *ch.Client, p *parcel, o *block) (taken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.cfg.TimeoutMs)*time.Millisecond)
	defer cancel()
	var told events
	columns := s.columnsOf(o)
	err = client.Do(ctx, ch.Query{
		Body:            insertStatement(&s.cfg, o.table, columns),
		QueryID:         fmt.Sprintf("%s%s-%d", s.queryPrefix(p), s.process, p.attempt),
		Settings:        insertTokens(p),
		Input:           input(o, columns),
		OnProfileEvents: told.add,
	})
	// Keeper notes a token together with the part: a block whose token it knows
	// is there.
	return err == nil && (s.replicated[p.table.Name] || told.isTaken()), err
}

// insertTokens are the settings by which a server takes a block once, whoever
// sends it. The content does not count where there is a token.
func insertTokens(p *parcel) []ch.Setting {
	return []ch.Setting{
		{Key: "insert_deduplication_token", Value: p.token(), Important: true},
		{Key: "insert_deduplicate", Value: "1", Important: true},
		{Key: "send_profile_events", Value: "1"}, // unknown to old servers, which always do
	}
}

// token is what tells the block from all others. Those before it are known to
// the server, which lost their rows.
func (p *parcel) token() string {
	if p.stale == 0 {
		return fmt.Sprintf("touchstream-%x", p.number)
	}
	return fmt.Sprintf("touchstream-%x-%d", p.number, p.stale)
}

// events are what a server tells of an insert when it has ended.
type events struct{ parts, duplicates int64 }

func (e *events) add(_ context.Context, told []ch.ProfileEvent) error {
	for _, x := range told {
		switch {
		case x.Name == "DuplicatedInsertedBlocks":
			e.duplicates += x.Value
		case strings.HasPrefix(x.Name, "Inserted") && strings.HasSuffix(x.Name, "Parts"):
			e.parts += x.Value
		}
	}
	return nil
}

// isTaken reports whether the block went in. Parts alone do not tell: those of
// materialized views count, too.
func (e *events) isTaken() bool { return e.parts > 0 && e.duplicates == 0 }

// columnsOf are the columns of a block that go over the wire. The server makes
// those in which no row has a value, unless it would put another value there.
func (s *sender) columnsOf(o *block) []*column {
	return slices.DeleteFunc(slices.Clone(o.columns), func(c *column) bool {
		return c.isBlank() && !s.defaults[o.table.Name][c.field]
	})
}

func insertStatement(c *Config, t *schema.Table, columns []*column) string {
	var names []string
	for _, col := range columns {
		names = append(names, quoteName(col.field))
	}
	names = append(names, "`_block`", "`_version`")
	return "INSERT INTO " + tableName(Options{Database: c.Database}, t.Name) + " (" + strings.Join(names, ", ") + ") VALUES"
}

// input is the columns of a block in the order of the statement's.
func input(o *block, columns []*column) proto.Input {
	var in proto.Input
	for _, c := range columns {
		in = append(in, proto.InputColumn{Name: c.field, Data: c})
	}
	return append(in, proto.InputColumn{Name: "_block", Data: &o.id}, proto.InputColumn{Name: "_version", Data: &o.version})
}
