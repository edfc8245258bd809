package faulttest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"touchstream/deploy/dev/faulttest"
)

// TestPoison has records in the midst of the load that no decoder likes, and a
// kill behind each: a replay meets them again.
func TestPoison(t *testing.T) {
	long(t)
	t.Parallel()
	event := func(id, properties string) []byte {
		return fmt.Appendf(nil, `{"type":"track","event":"Product Viewed","messageId":%q,"anonymousId":"odd","timestamp":"2026-03-02T12:00:00Z","properties":%s}`, id, properties)
	}
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	r := faulttest.New(t, faulttest.Options{Odd: [][]byte{
		nil,
		{},
		{0},
		[]byte("null"),
		bytes.Repeat([]byte{0xff, 0xfe, '{', '"', '\n'}, 1000),
		[]byte(nested(1_000_000)),
		event("nested", nested(200_000)),
		event("unfinished", strings.Repeat("[", 500_000)),
		event("long name", `{"`+strings.Repeat("n", 2<<20)+`":1}`),
		event("large", `{"product_id":"`+strings.Repeat("x", 12<<20)+`"}`),
		event(strings.Repeat("id", 3<<20), `{}`),
		bytes.Repeat([]byte("garbage "), 2<<20),
		event("number", `{"price":`+strings.Repeat("9", 1<<20)+`}`),
	}})
	r.Load(300)
	for range 3 {
		r.RunUntilKilled("commit.after", 12)
	}
	r.Finish()
	r.Check()
}
