package pipeline

import (
	"encoding/base64"
	"unicode/utf8"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// piece is one decoded chunk of a step, or a cut of a sorted source.
type piece struct {
	source int
	part   *partition
	chunk  *event.Chunk
	batch  *event.Batch
	// raw gives the raw bytes and time of a record, for dead letters.
	raw rawRecords
	// rows are those that still take part, in log order.
	rows []uint32
	dead *schema.Rows
	// users counts who needs the piece: the step, and the reorder buffers in
	// which rows of it wait.
	users int
	// late are the rows among them that no operator takes.
	late []uint32

	byKey   [numRowKeys]shardRows
	units   []Units     // one per router
	byUnit  []shardRows // positions in units, one per router
	sharded []Units     // units in shard order, one per router
}

// rawRecords finds the raw form of a row's record.
type rawRecords interface {
	record(record uint32) (origin *event.Origin, offset, at int64, raw []byte)
}

type chunkRecords struct{ c *event.Chunk }

func (r chunkRecords) record(i uint32) (*event.Origin, int64, int64, []byte) {
	rec := r.c.Recs[i]
	at := rec.Timestamp
	if at == event.Absent {
		at = r.c.At
	}
	return &r.c.Origin, rec.Offset, at, r.c.Value(int(i))
}

// DeadLetters is the table of records that could not be used.
var DeadLetters = &schema.Table{
	Name: "dead_letters",
	Doc:  "Every record or event that could not be used, with its raw bytes and the reason.",
	Columns: []schema.Column{
		{Name: "at", Type: schema.Time, Doc: "The record's Kafka timestamp; for files the file's modification time."},
		{Name: "source", Type: schema.LowText, Doc: "Name of the source."},
		{Name: "topic", Type: schema.LowText, Doc: "Kafka topic or file path."},
		{Name: "partition", Type: schema.Int, Doc: "Kafka partition; 0 for files."},
		{Name: "offset", Type: schema.Int, Doc: "Kafka offset; for files the physical line from 1."},
		{Name: "reason", Type: schema.LowText, Doc: "malformed, missing_field, bad_value, bad_time, future_time, late, too_large or unknown_schema."},
		{Name: "detail", Type: schema.Text, Doc: "A sentence on what is wrong."},
		{Name: "raw", Type: schema.Text, Doc: "The record's bytes."},
		{Name: "raw_encoding", Type: schema.LowText, Doc: "text, or base64 when the bytes are not UTF-8."},
	},
	ID:        []string{"source", "topic", "partition", "offset", "reason", "detail"},
	Partition: "at",
}

// bury writes a dead letter.
func bury(dead *schema.Rows, raw rawRecords, record uint32, code event.ReasonCode, detail string) {
	origin, offset, at, bytes := raw.record(record)
	dead.Begin()
	dead.Time(at)
	dead.String(origin.Source)
	dead.String(origin.Topic)
	dead.Int(int64(origin.Partition))
	dead.Int(offset)
	dead.String(code.String())
	dead.String(detail)
	if utf8.Valid(bytes) {
		dead.Text(bytes)
		dead.String("text")
	} else {
		dead.Text(base64.StdEncoding.AppendEncode(nil, bytes))
		dead.String("base64")
	}
	dead.End()
}

// shardRows are rows grouped by shard: those of shard s are
// rows[start[s]:start[s+1]].
type shardRows struct {
	start []uint32
	rows  []uint32
}

// of gives the rows of one shard.
func (g *shardRows) of(shard int) []uint32 { return g.rows[g.start[shard]:g.start[shard+1]] }

// noShard marks a row that goes nowhere.
const noShard = ^uint32(0)

// group sorts rows by shard, keeping their order, with a counting sort.
func (g *shardRows) group(rows, shards []uint32, n int) {
	g.start = append(g.start[:0], make([]uint32, n+1)...)
	total := 0
	for _, s := range shards {
		if s != noShard {
			g.start[s+1]++
			total++
		}
	}
	for s := range n {
		g.start[s+1] += g.start[s]
	}
	if cap(g.rows) < total {
		g.rows = make([]uint32, total)
	}
	g.rows = g.rows[:total]
	for i, s := range shards {
		if s != noShard {
			g.rows[g.start[s]] = rows[i]
			g.start[s]++
		}
	}
	copy(g.start[1:], g.start[:n])
	g.start[0] = 0
}
