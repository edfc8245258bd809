package segment

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/sources/decode/decodetest"
)

// withoutShapes is a decoder that walks over every message and goes through
// cells.
func withoutShapes() event.Decoder {
	d := New(Config{})().(*decoder)
	d.outer.Use(nil)
	d.inner.Use(nil)
	d.items.Use(nil)
	return d
}

// realRecords are those of the scripts and of a web site.
func realRecords(t testing.TB) [][]byte {
	t.Helper()
	script, err := os.ReadFile("testdata/calls")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for line := range strings.Lines(string(script)) {
		if strings.HasPrefix(line, "{") || strings.HasPrefix(line, "[") {
			out = append(out, []byte(strings.TrimSpace(line)))
		}
	}
	c := web(24)
	for i := range c.Recs {
		out = append(out, c.Value(i))
	}
	for _, kind := range []string{"track", "page", "screen", "identify", "alias", "group"} {
		out = append(out, fmt.Appendf(nil, `{"type":"%s","event":"Ünïcode \"x\"","name":"N\u0020","messageId":"m","sentAt":"2026-03-02T10:00:00.123Z","receivedAt":"2026-03-02T10:00:01+01:00","previousId":"p","groupId":"g",`+
			`"channel":"mobile","properties":{"name":" x","city":"Łódź","price":12.50,"quantity":"3","position":"top","results":7,"total":1,"revenue":2,"url":"http://h/p?q","path":"","products":[{},{"id":7,"price":1},{"sku":"ż"}],"x":true,"y":null},`+
			`"traits":{"email":"a@b.c","x":1,"z":[1]},"context":{"campaign":{"name":{}},"device":{"type":"iOS"},"page":{"url":"https://h"},"library":{"name":"js","version":"1.2"},"userAgent":"curl/8"}}`, kind))
	}
	// Batches that lend nothing, a time, and more.
	for _, lent := range []string{"", `,"sentAt":"2026-03-02T11:00:00Z"`, `,"receivedAt":"2026-03-02T11:00:00Z"`, `,"context":{"channel":"x","page":{"path":"/l"}}`} {
		list := bytes.Join([][]byte{out[1], out[len(out)-1], []byte(`{"event":"A\"","timestamp":null,"properties":{"note":"a\"b"}}`), out[5]}, []byte(" , "))
		out = append(out, fmt.Appendf(nil, `{"batch":[%s]%s}`, list, lent), fmt.Appendf(nil, `[%s]`, list))
	}
	return out
}

func wants() []event.Want {
	return []event.Want{decodetest.All(), decodetest.SessionWant(), {}, {Attrs: []string{"x", "name", "position", "group_id"}, Columns: event.SetOf(event.Position)}}
}

func TestShapesChangeNothing(t *testing.T) {
	records := realRecords(t)
	for _, w := range wants() {
		fast, slow := New(Config{})(), withoutShapes()
		decodetest.MustAgree(t, fast, slow, w, records...)
		decodetest.AgreeOnMutations(t, fast, slow, w, 3000, records)
	}
}

func FuzzShapes(f *testing.F) {
	records := realRecords(f)
	for i, r := range records {
		f.Add(r, records[(i+1)%len(records)])
	}
	fast, slow := New(Config{})(), withoutShapes()
	f.Fuzz(func(t *testing.T, a, b []byte) { decodetest.MustAgree(t, fast, slow, decodetest.All(), a, b, a) })
}

// TestOddRecordsChangeNothing: line breaks, byte order marks, sizes and depths at
// the limits, and records that end where the next one goes on.
func TestOddRecordsChangeNothing(t *testing.T) {
	plain := `{"type":"track","event":"A","messageId":"m","sentAt":"2026-03-02T10:00:00.123Z","properties":{"comment":"%s","price":%s,"x":%s}}`
	record := func(comment, price, x string) []byte { return fmt.Appendf(nil, plain, comment, price, x) }
	sound := record("c", "1.5", "1")
	records := [][]byte{sound, sound[:50], sound[50:], sound[:len(sound)-1], append(bytes.Clone(sound), '}')}
	for _, tail := range []string{"\n", "\r\n", "\r", "  ", "\n\n", "\x00"} {
		records = append(records, append(bytes.Clone(sound), tail...), []byte("\xef\xbb\xbf"+string(sound)+tail), []byte(tail))
	}
	for _, n := range []int{1, 7, 31, 62, 63, 64, 65, 127, 128, 129, 1000, 100_000} {
		records = append(records, record(strings.Repeat("y", n), strings.Repeat("1", min(n, 300)), `"`+strings.Repeat(`\\`, n)+`"`),
			record(strings.Repeat(`\`, n), "1", "1"), record(strings.Repeat("ż", n), "0."+strings.Repeat("1", min(n, 300)), strings.Repeat(" ", n)+"1"),
			record("c", "1", strings.Repeat("[", n)+strings.Repeat("]", n)), record("c", "1", strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)))
	}
	for _, w := range wants() {
		decodetest.MustAgree(t, New(Config{})(), withoutShapes(), w, records...)
		for _, r := range records[:20] {
			decodetest.MustAgree(t, New(Config{})(), withoutShapes(), w, r)
		}
	}
}
