package ga4

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"touchstream/pipeline/event"
	"touchstream/sources/decode/decodetest"
)

// TestScripts runs testdata/*: "decode" shows what is made of records, one a
// line; arrived gives records a timestamp. Argument want=(a,b) wants these columns alone.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			want := decodetest.All()
			if td.HasArg("want") {
				want = event.Want{}
				for _, arg := range td.CmdArgs {
					for _, name := range arg.Vals {
						c, ok := event.ColumnByName(name)
						if !ok {
							t.Fatalf("no column %s", name)
						}
						want.Columns.Add(c)
					}
				}
			}
			d, b := New(Config{Skip: []string{"session_start"}})(), event.NewBatch(want)
			chunk := decodetest.Chunk("", strings.Split(td.Input, "\n")...)
			if td.HasArg("arrived") {
				for i := range chunk.Recs {
					chunk.Recs[i].Timestamp = 1_000_000 + int64(i)
				}
			}
			decodetest.Decode(d, chunk, b)
			first := decodetest.Rows(b)
			decodetest.Decode(d, chunk, b)
			if again := decodetest.Rows(b); again != first {
				t.Fatalf("a second time the rows are\n%s\nnot\n%s", again, first)
			}
			return first
		})
	})
}
