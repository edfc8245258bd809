package kafka

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/schema/text"
)

// rawBytesMax is how many bytes of a dead record are sent.
const rawBytesMax = 896 << 10

// columns finds columns of a table by name.
func columns(t *schema.Table, names ...string) []int {
	out := make([]int, len(names))
	for i, name := range names {
		out[i] = t.Column(name)
	}
	return out
}

var (
	triggerColumns = columns(pipeline.Triggers, "trigger_id", "trigger", "subject", "due_at", "suppressed_by")
	deadColumns    = columns(pipeline.DeadLetters, "reason", "detail", "source", "topic", "partition", "offset", "at", "raw", "raw_encoding")
)

func formatTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// triggers makes messages of triggers.
type triggers struct {
	topic  string
	source string
	json   *text.JSON
}

func newTriggers(c *Config) *triggers {
	return &triggers{c.Topic, "/touchstream/" + c.Name, text.NewJSON(pipeline.Triggers, false).Nest("payload")}
}

// messages appends the messages of rows that are to be sent; they share no
// memory with the rows.
func (w *triggers) messages(dst []*kgo.Record, r *schema.Rows) []*kgo.Record {
	id, kind, subject, due, suppressed := triggerColumns[0], triggerColumns[1], triggerColumns[2], triggerColumns[3], triggerColumns[4]
	for i := range r.N {
		if r.Cols[suppressed].Str[i].Len > 0 {
			continue
		}
		cell := func(column int) []byte { return append([]byte(nil), r.Bytes(r.Cols[column].Str[i])...) }
		m := &kgo.Record{Topic: w.topic, Key: cell(subject), Value: w.json.AppendRow(nil, r, i)}
		m.Headers = []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: cell(id)},
			{Key: "ce_source", Value: []byte(w.source)},
			{Key: "ce_type", Value: cell(kind)},
			{Key: "ce_time", Value: []byte(formatTime(r.Cols[due].I64[i]))},
			{Key: "ce_dataschema", Value: []byte(SchemaID)},
			{Key: "content-type", Value: []byte("application/json")},
		}
		if len(m.Key) > 0 {
			m.Headers = append(m.Headers, kgo.RecordHeader{Key: "ce_subject", Value: m.Key})
		}
		dst = append(dst, m)
	}
	return dst
}

// deadLetters appends the messages of dead records. One that would be larger
// than limit is cut: it must not stop the pipeline.
func deadLetters(dst []*kgo.Record, topic string, limit int, r *schema.Rows) []*kgo.Record {
	c := deadColumns
	for i := range r.N {
		cell := func(column int) []byte { return append([]byte(nil), r.Bytes(r.Cols[column].Str[i])...) }
		number := func(column int) []byte { return strconv.AppendInt(nil, r.Cols[column].I64[i], 10) }
		m := &kgo.Record{Topic: topic, Value: cell(c[7])}
		if string(r.Bytes(r.Cols[c[8]].Str[i])) == "base64" {
			if raw, err := base64.StdEncoding.AppendDecode(nil, m.Value); err == nil {
				m.Value = raw
			}
		}
		m.Headers = []kgo.RecordHeader{
			{Key: "reason", Value: cell(c[0])},
			{Key: "detail", Value: cell(c[1])},
			{Key: "source", Value: cell(c[2])},
			{Key: "topic", Value: cell(c[3])},
			{Key: "partition", Value: number(c[4])},
			{Key: "offset", Value: number(c[5])},
			{Key: "at", Value: []byte(formatTime(r.Cols[c[6]].I64[i]))},
		}
		cut(m, limit)
		dst = append(dst, m)
	}
	return dst
}

const (
	// detailBytesMin is how much of a detail always stays.
	detailBytesMin = 256
	// messageOverhead is what a message takes besides keys and values.
	messageOverhead = 512
)

// cut makes a dead letter fit into a message of limit bytes. Its header detail
// says so, and raw_length how long the value was.
func cut(m *kgo.Record, limit int) {
	detail := &m.Headers[1].Value
	room := limit - messageOverhead - (size(m) - len(m.Value) - len(*detail))
	if over := len(*detail) - max(room/2, detailBytesMin); over > 0 {
		*detail = (*detail)[:len(*detail)-over]
	}
	room = max(0, min(room-len(*detail), rawBytesMax))
	n := len(m.Value)
	if n <= room {
		return
	}
	m.Value = m.Value[:room:room]
	*detail = fmt.Appendf(*detail, " (the first %d of %d bytes are here, all of them in table dead_letters)", room, n)
	m.Headers = append(m.Headers, kgo.RecordHeader{Key: "raw_length", Value: strconv.AppendInt(nil, int64(n), 10)})
}
