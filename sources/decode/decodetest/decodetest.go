// Package decodetest runs decoders over a few records and writes what they make
// as text, for tests.
package decodetest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// All wants everything.
func All() event.Want {
	return event.Want{Columns: event.AllColumns(), Items: true, AllAttrs: true}
}

// Chunk makes a chunk of records; offsets count from 1.
func Chunk(header string, records ...string) *event.Chunk {
	c := &event.Chunk{}
	c.Reset()
	c.Origin = event.Origin{Source: "test", Topic: "test.file"}
	c.Header = append(c.Header, header...)
	for i, r := range records {
		c.Add([]byte(r), int64(i)+1, event.Absent)
	}
	return c
}

// partRecords is how many records Decode gives to the decoder at once; few, so
// that most tests have several parts.
const partRecords = 3

// Decode runs a decoder as the engine does. The batch is reset before.
func Decode(d event.Decoder, c *event.Chunk, b *event.Batch) {
	decodeParts(d, c, b, &event.Chunk{}, partRecords)
}

func decodeParts(d event.Decoder, c *event.Chunk, b *event.Batch, part *event.Chunk, records int) {
	b.Reset()
	b.Arena = append(b.Arena[:0], c.Data...)
	for i := 0; i < len(c.Recs); {
		i = c.Part(part, i, records)
		b.Grow(len(part.Recs))
		d.Decode(part, b)
	}
}

// Rows writes the rows, the faults and the number of skipped events, one a line.
func Rows(b *event.Batch) string {
	var out strings.Builder
	for r := range b.N {
		fmt.Fprintf(&out, "%d.%d", b.Record[r], b.Element[r])
		for c := range event.Column(event.NumColumns) {
			if s := value(b, c, r); s != "" {
				fmt.Fprintf(&out, " %s=%s", c, s)
			}
		}
		first := b.Head[r].ItemFirst
		for i := first; i < first+b.Head[r].ItemCount; i++ {
			fmt.Fprintf(&out, "\n    item%s", item(b, int(i)))
		}
		first = b.AttrFirst[r]
		for i := first; i < first+b.AttrCount[r]; i++ {
			fmt.Fprintf(&out, "\n    [%s]=%s", b.Bytes(b.AttrKey[i]), quote(b.Bytes(b.AttrVal[i])))
		}
		out.WriteByte('\n')
	}
	for _, f := range b.Faults {
		fmt.Fprintf(&out, "fault %d.%d %s: %s\n", f.Record, f.Element, f.Code, f.Detail)
	}
	if b.Skipped > 0 {
		fmt.Fprintf(&out, "skipped %d\n", b.Skipped)
	}
	return out.String()
}

func value(b *event.Batch, c event.Column, row int) string {
	switch c.Kind() {
	case event.Text:
		if s := b.Text(c, row); len(s) > 0 {
			return quote(s)
		}
		return ""
	case event.Float:
		if f := b.Real(c, row); !math.IsNaN(f) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return ""
	}
	v := b.Num(c, row)
	switch {
	case v == event.Absent:
		return ""
	case c.Kind() == event.Time:
		return time.UnixMilli(v).UTC().Format("2006-01-02T15:04:05.000Z")
	case c.Kind() == event.Money:
		return string(money.Append(nil, v))
	}
	return strconv.FormatInt(v, 10)
}

func item(b *event.Batch, i int) string {
	var out strings.Builder
	for _, c := range event.ItemColumns {
		if c.Kind() == event.Text {
			if s := b.ItemText(c, i); len(s) > 0 {
				fmt.Fprintf(&out, " %s=%s", c, quote(s))
			}
		} else if v := b.ItemNum(c, i); v != event.Absent {
			fmt.Fprintf(&out, " %s=%s", c, money.Append(nil, v))
		}
	}
	return out.String()
}

// quote puts texts with blanks or odd characters into quotes.
func quote(s []byte) string {
	for _, r := range string(s) {
		if r <= ' ' || r == '"' || r == 0x7f || r == '\ufffd' {
			return strconv.Quote(string(s))
		}
	}
	return string(s)
}
