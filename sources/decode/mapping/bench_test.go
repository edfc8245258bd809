package mapping

import (
	"fmt"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/sources/decode/decodetest"
)

const tills = `
format: csv
fields:
  event: {const: Order Completed}
  event_time: {path: ts, format: "2006-01-02 15:04:05", zone: Europe/Warsaw}
  order_id: receipt
  product_id: sku
  quantity: qty
  price: unit_price
  loyalty_id: card
  message_id: {template: "{receipt}/{line}"}
  channel: {path: kind, map: {T: pos, W: web}, default: pos}
where: qty != "0"
`

func receipts(n int) *event.Chunk {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf("R%06d,%d,S%05d,%d,%d.%02d,%s,T,2026-03-02 10:%02d:%02d,\"WHITE \"\"METAL\"\" LANTERN\"", i/3, i%3, i%700, i%4+1, i%50, i%100, []string{"", "C17850"}[i%2], i/60%60, i%60)
	}
	return decodetest.Chunk("receipt,line,sku,qty,unit_price,card,kind,ts,name", records...)
}

const clicks = `
format: jsonl
fields: {event: {path: type, map: {clicks: Product Viewed, carts: Product Added, orders: Order Completed}},
  event_time: {path: ts, format: unix_ms}, anonymous_id: session, product_id: aid, price: {path: item.price}, city: geo.city}
where: type != "test"
`

func events(n int) *event.Chunk {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf(`{"session":%d,"aid":%d,"ts":16593048%05d,"type":"clicks","item":{"name":"Lantern %d","price":%d.5},"geo":{"city":"Gda\u0144sk","country":"PL"}}`, i/7, i%900, i, i, i%80)
	}
	return decodetest.Chunk("", records...)
}

const nested = `
format: jsonl
expand: events
fields: {event: {path: type, map: {clicks: Product Viewed}}, event_time: {path: ts, format: unix_ms}, anonymous_id: ^session, product_id: aid}
`

func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, want := range []event.Want{decodetest.SessionWant(), decodetest.All()} {
		decodetest.MustNotAllocate(t, decoderOf(t, tills), receipts(500), want)
		decodetest.MustNotAllocate(t, decoderOf(t, clicks), events(500), want)
		decodetest.MustNotAllocate(t, decoderOf(t, nested), decodetest.Chunk("", `{"session":1,"events":[{"aid":1,"ts":1659304800025,"type":"clicks"},{"aid":2,"ts":1659304800025,"type":"x"}]}`), want)
	}
}

func BenchmarkCSV(b *testing.B) {
	decodetest.Bench(b, func() event.Decoder { return decoderOf(b, tills) }, receipts(2048), false)
}

func BenchmarkJSONL(b *testing.B) {
	decodetest.Bench(b, func() event.Decoder { return decoderOf(b, clicks) }, events(2048), true)
}
