package decodetest

import (
	"bytes"
	"encoding/json"
	"testing"

	"touchstream/pipeline/event"
)

// SessionWant is what sessions, ropo and abandonment need of an event.
func SessionWant() event.Want {
	return event.Want{Items: true, Columns: event.SetOf(event.MessageID, event.Channel, event.UserID, event.AnonymousID, event.DeviceID,
		event.LoyaltyID, event.Email, event.DeviceType, event.Country, event.City, event.PagePath, event.Referrer, event.Campaign,
		event.ProductID, event.SKU, event.Category, event.Quantity, event.Price, event.Amount, event.Currency, event.OrderID, event.StoreID)}
}

// MustNotAllocate checks that decoding makes no garbage once its memory has grown.
func MustNotAllocate(t *testing.T, d event.Decoder, c *event.Chunk, want event.Want) {
	t.Helper()
	b, part := event.NewBatch(want), &event.Chunk{}
	for range 3 {
		decodeParts(d, c, b, part, event.PartRecords)
	}
	if len(b.Faults) > 0 || b.N == 0 {
		t.Fatalf("%d rows, faults %v", b.N, b.Faults)
	}
	if n := testing.AllocsPerRun(10, func() { decodeParts(d, c, b, part, event.PartRecords) }); n > 0 {
		t.Errorf("%v allocations for %d records", n, len(c.Recs))
	}
}

// Bench measures decoding beside a byte scan and encoding/json.
func Bench(b *testing.B, newDecoder func() event.Decoder, c *event.Chunk, isJSON bool) {
	events := float64(len(c.Recs))
	run := func(name string, want event.Want) {
		b.Run(name, func(b *testing.B) {
			d, batch, part := newDecoder(), event.NewBatch(want), &event.Chunk{}
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				decodeParts(d, c, batch, part, event.PartRecords)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
		})
	}
	run("sessions", SessionWant())
	run("all", All())
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(len(c.Data)))
		lines := 0
		for b.Loop() {
			for i := range c.Recs {
				lines += bytes.IndexByte(c.Value(i), '\n')
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
	})
	if !isJSON {
		return
	}
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(c.Data)))
		for b.Loop() {
			for i := range c.Recs {
				var v map[string]any
				if err := json.Unmarshal(c.Value(i), &v); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
	})
}
