package ga4

import (
	"fmt"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/sources/decode/decodetest"
)

// export is a chunk of rows of the export.
func export(n int) *event.Chunk {
	records := make([]string, n)
	for i := range records {
		name, items := "page_view", ""
		switch i % 6 {
		case 2:
			name, items = "view_item", `,"items":[{"item_id":"p1","item_category":"Shoes","price":10.5,"quantity":1}]`
		case 5:
			name, items = "purchase", `,"ecommerce":{"purchase_revenue":21.0,"transaction_id":"T"},"items":[{"item_id":"p1","price":10.5,"quantity":2},{"item_id":"p2","price":1}]`
		}
		records[i] = fmt.Sprintf(`{"event_date":"20260302","event_timestamp":"17724456%08d","event_name":"%s","event_params":[{"key":"ga_session_id","value":{"int_value":"%d"}},{"key":"page_location","value":{"string_value":"https://shop.example/p/%d?x=1"}},{"key":"page_title","value":{"string_value":"Shoes"}},{"key":"currency","value":{"string_value":"PLN"}}],"user_pseudo_id":"%d.1","device":{"category":"mobile","language":"pl-pl"},"geo":{"country":"Poland","city":"Warsaw"},"platform":"WEB"%s}`,
			i, name, i/9, i%500, i%20000, items)
	}
	return decodetest.Chunk("", records...)
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	decodetest.MustNotAllocate(t, New(Config{})(), export(500), decodetest.SessionWant())
	decodetest.MustNotAllocate(t, New(Config{})(), export(500), decodetest.All())
}

func BenchmarkDecode(b *testing.B) { decodetest.Bench(b, New(Config{}), export(2048), true) }
