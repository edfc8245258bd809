package naive

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"time"

	"touchstream/bench/peers/fact"
)

// call is a record as encoding/json reads it, with the fields that are used.
type call struct {
	Type        string    `json:"type"`
	Event       string    `json:"event"`
	Timestamp   time.Time `json:"timestamp"`
	AnonymousID string    `json:"anonymousId"`
	Properties  struct {
		Products []struct {
			Price    float64 `json:"price"`
			Quantity float64 `json:"quantity"`
		} `json:"products"`
	} `json:"properties"`
}

// name is that of the event; calls without one are named by their type.
func (c *call) name() string {
	if c.Event != "" {
		return c.Event
	}
	return c.Type
}

// amount is what the products cost, in 1/10,000.
func (c *call) amount() int64 {
	sum := int64(0)
	for _, p := range c.Properties.Products {
		sum += int64(math.Round(p.Price * p.Quantity * 10_000))
	}
	return sum
}

// each reads the records and has the ticker run at every minute of event time
// that the watermark passes, and at the end with the highest time there is.
func each(records iter.Seq[[]byte], add func(c *call, at int64), tick func(watermark int64)) error {
	newest, next := int64(math.MinInt64), int64(math.MinInt64)
	n := 0
	for record := range records {
		n++
		var c call
		if err := json.Unmarshal(record, &c); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
		at := c.Timestamp.UnixMilli()
		add(&c, at)
		newest = max(newest, at)
		if watermark := newest - fact.LateMaxMS; watermark >= next {
			tick(watermark)
			next = watermark + time.Minute.Milliseconds()
		}
	}
	tick(math.MaxInt64)
	return nil
}
