package kafka

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// entryFormat is the format of the journal's records.
	entryFormat = "1"
	// partBytes is how much of an entry one record holds, so that any topic
	// takes it.
	partBytes = 512 << 10
)

// The headers of the journal's records. The key is the number of the commit.
const (
	headerFormat     = "format"
	headerInstance   = "instance"   // who wrote it
	headerPart       = "part"       // such as 0/1: an entry is one or more records
	headerRepairs    = "repairs"    // what lies between this entry and its predecessor is damaged or missing
	headerGeneration = "generation" // of the newest reset; a mark, number 0, is where it was
)

// entryRecords makes an entry's records.
func (l *Ledger) entryRecords(number int64, entry []byte, repairs bool) []*kgo.Record {
	key, entry := strconv.AppendInt(nil, number, 10), bytes.Clone(entry)
	parts := max(1, (len(entry)+partBytes-1)/partBytes)
	var out []*kgo.Record
	for i := range parts {
		r := &kgo.Record{Topic: l.topic, Key: key, Value: entry[i*partBytes : min((i+1)*partBytes, len(entry))]}
		r.Headers = []kgo.RecordHeader{
			{Key: headerFormat, Value: []byte(entryFormat)},
			{Key: headerInstance, Value: []byte(l.instance)},
			{Key: headerPart, Value: fmt.Appendf(nil, "%d/%d", i, parts)},
		}
		if l.generation > 0 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: headerGeneration, Value: strconv.AppendUint(nil, uint64(l.generation), 10)})
		}
		if repairs {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: headerRepairs, Value: []byte("1")})
		}
		out = append(out, r)
	}
	return out
}

// head is what a record of the journal says besides its bytes.
type head struct {
	place
	part, parts int
	repairs     bool
	generation  uint32 // 0 before the first reset
}

func (h *head) isMark() bool { return h.number == 0 }

// parseHead reads a record's key and headers.
func parseHead(r *kgo.Record) (head, error) {
	h := head{place: place{offset: r.Offset}, parts: 1}
	values := map[string]string{}
	for _, x := range r.Headers {
		values[x.Key] = string(x.Value)
	}
	if values[headerFormat] != entryFormat {
		return h, fmt.Errorf("the record at offset %d has format %q, %s is expected", r.Offset, values[headerFormat], entryFormat)
	}
	var err error
	if h.number, err = strconv.ParseInt(string(r.Key), 10, 64); err != nil || h.number < 0 {
		return h, fmt.Errorf("the record at offset %d has key %q, a number is expected", r.Offset, r.Key)
	}
	h.instance, h.repairs = values[headerInstance], values[headerRepairs] != ""
	if text, has := values[headerGeneration]; has || h.isMark() {
		g, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return h, fmt.Errorf("the record at offset %d has generation %q", r.Offset, text)
		}
		h.generation = uint32(g)
	}
	if h.isMark() {
		return h, nil
	}
	part, parts, _ := strings.Cut(values[headerPart], "/")
	if h.part, err = strconv.Atoi(part); err == nil {
		h.parts, err = strconv.Atoi(parts)
	}
	if err != nil || h.part < 0 || h.part >= h.parts {
		return h, fmt.Errorf("the record at offset %d is part %q of its entry", r.Offset, values[headerPart])
	}
	return h, nil
}
