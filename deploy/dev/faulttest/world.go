package faulttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// message is a record of the load.
type message struct {
	topic     int // index
	partition int32
	at        time.Time // its timestamp in Kafka
	value     []byte
}

// envelope is what the driver reads of an event.
type envelope struct {
	MessageID   string `json:"messageId"`
	AnonymousID string `json:"anonymousId"`
	UserID      string `json:"userId"`
	Timestamp   time.Time
	Context     struct{ Channel string }
}

// closingAfter is how far the closing events are behind the last one: beyond
// every lookback, expiry and window.
const closingAfter = 400 * 24 * time.Hour

// world generates the load: equal options give equal bytes.
func world(t testing.TB, binary string, o *Options) (load, closing []message) {
	t.Helper()
	// #nosec G204 -- the binary under test
	c := exec.Command(binary, "generate", "--seed", strconv.Itoa(o.Seed), "--customers", strconv.Itoa(o.Customers),
		"--days", strconv.Itoa(o.Days), "--duplicates", "0.02", "--bad", "0.005", "--late", "0")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("generate: %v\n%s", err, stderr.String())
	}
	var latest time.Time
	for line := range bytes.Lines(out) {
		m, at := o.place(bytes.TrimSuffix(line, []byte("\n")))
		if at.After(latest) {
			latest = at
		}
		m.at = latest // about when it arrived
		load = append(load, m)
	}
	end := latest.Add(closingAfter).Truncate(time.Second)
	for topic := range o.Topics {
		for partition := range int32(o.Partitions) {
			closing = append(closing, message{topic, partition, end, fmt.Appendf(nil,
				`{"type":"track","event":%q,"messageId":"closing-%d-%d","timestamp":%q}`, closingEvent, topic, partition, end.Format(time.RFC3339))})
		}
	}
	return load, closing
}

// closingEvent names the events that end the load. They have no identifiers,
// so that they make no facts.
const closingEvent = "Log Closed"

// place decides where a record goes: by its channel to a topic, by its person
// or device to a partition. A record that cannot be read goes to the first.
func (o *Options) place(value []byte) (message, time.Time) {
	var e envelope
	if err := json.Unmarshal(value, &e); err != nil {
		return message{value: value}, time.Time{}
	}
	key := e.AnonymousID
	if key == "" {
		key = e.UserID
	}
	return message{
		topic:     int(hashOf(e.Context.Channel) % uint32(o.Topics)),
		partition: int32(hashOf(key) % uint32(o.Partitions)),
		value:     value,
	}, e.Timestamp
}

func hashOf(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}
