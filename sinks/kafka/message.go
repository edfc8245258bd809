package kafka

import (
	"bytes"
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
	topic string
	json  *text.JSON
	// text is the texts of the messages at hand, ends where each of them ends.
	text []byte
	ends []int

	// Headers that are the same in all messages.
	version, source, dataSchema, contentType kgo.RecordHeader
}

func newTriggers(c *Config) *triggers {
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	return &triggers{
		topic: c.Topic, json: text.NewJSON(pipeline.Triggers, false).Nest("payload"),
		version: header("ce_specversion", "1.0"), source: header("ce_source", "/touchstream/"+c.Name),
		dataSchema: header("ce_dataschema", SchemaID), contentType: header("content-type", "application/json"),
	}
}

// triggerTexts is the number of texts of a message: subject, value, id, kind
// and time.
const triggerTexts = 5

// triggerHeaders is the most headers that a message has.
const triggerHeaders = 8

// messages appends the messages of rows that are to be sent; they share no
// memory with the rows.
func (w *triggers) messages(dst []*kgo.Record, r *schema.Rows) []*kgo.Record {
	id, kind, subject, due, suppressed := triggerColumns[0], triggerColumns[1], triggerColumns[2], triggerColumns[3], triggerColumns[4]
	w.text, w.ends = w.text[:0], w.ends[:0]
	for i := range r.N {
		if r.Cols[suppressed].Str[i].Len > 0 {
			continue
		}
		cell := func(column int) { w.text = append(w.text, r.Bytes(r.Cols[column].Str[i])...) }
		end := func() { w.ends = append(w.ends, len(w.text)) }
		cell(subject)
		end()
		w.text = w.json.AppendRow(w.text, r, i)
		end()
		cell(id)
		end()
		cell(kind)
		end()
		w.text = append(w.text, formatTime(r.Cols[due].I64[i])...)
		end()
	}
	// All messages of a step share their memory: they come and go together.
	n := len(w.ends) / triggerTexts
	texts, records, headers := bytes.Clone(w.text), make([]kgo.Record, n), make([]kgo.RecordHeader, 0, triggerHeaders*n)
	from := 0
	for i := range records {
		var part [triggerTexts][]byte
		for k, end := range w.ends[triggerTexts*i : triggerTexts*(i+1)] {
			part[k], from = texts[from:end:end], end
		}
		at := len(headers)
		headers = append(headers, w.version, kgo.RecordHeader{Key: "ce_id", Value: part[2]}, w.source,
			kgo.RecordHeader{Key: "ce_type", Value: part[3]}, kgo.RecordHeader{Key: "ce_time", Value: part[4]}, w.dataSchema, w.contentType)
		m := &records[i]
		if len(part[0]) > 0 { // an empty key would be one
			m.Key = part[0]
			headers = append(headers, kgo.RecordHeader{Key: "ce_subject", Value: m.Key})
		}
		m.Topic, m.Value, m.Headers = w.topic, part[1], headers[at:len(headers):len(headers)]
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
