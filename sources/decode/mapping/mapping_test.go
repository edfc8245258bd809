package mapping

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/sources/decode/decodetest"
)

// parse reads a mapping from YAML; the error holds all faults.
func parse(text string) (Config, error) {
	var cfg Config
	file, err := config.Parse("mapping.yaml", []byte(text), nil)
	if err != nil {
		return cfg, err
	}
	return cfg, file.Read(&cfg)
}

func decoderOf(t testing.TB, text string) event.Decoder {
	t.Helper()
	cfg, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	newDecoder, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return newDecoder()
}

func TestEventAndTimeMustBeMapped(t *testing.T) {
	cfg, err := parse("format: jsonl\nfields: {event_time: {path: t, format: unix_s}}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err == nil || err.Error() != "fields: event is not mapped; every event needs event and event_time" {
		t.Errorf("got %v", err)
	}
	cfg.Defaulted.Add(event.Event)
	newDecoder, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewBatch(decodetest.All())
	decodetest.Decode(newDecoder(), decodetest.Chunk("", `{"t":1}`), b)
	if got := decodetest.Rows(b); got != "0.0 event_time=1970-01-01T00:00:01.000Z\n" {
		t.Errorf("got %s", got)
	}
}

// TestScripts runs testdata/*: "mapping" sets the mapping and shows its faults,
// "decode" shows what it makes of records, one a line (⏎ is a line break in a
// record). Argument want=(a,b) wants these columns alone, escapes turns \x.. and
// \t in records into bytes.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		var d event.Decoder
		var header string
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			switch td.Cmd {
			case "mapping":
				cfg, err := parse(td.Input)
				if err != nil {
					return err.Error()
				}
				d = decoderOf(t, td.Input)
				header = ""
				if cfg.IsCSV() && cfg.Header {
					header = "?"
				}
				return "ok"
			case "decode":
				return runDecode(t, td, d, header)
			}
			t.Fatalf("unknown command %s", td.Cmd)
			return ""
		})
	})
}

func runDecode(t *testing.T, td *datadriven.TestData, d event.Decoder, header string) string {
	t.Helper()
	var records []string
	for _, line := range strings.Split(td.Input, "\n") {
		line = strings.ReplaceAll(line, "⏎", "\n")
		if td.HasArg("escapes") {
			line = strings.NewReplacer(`\t`, "\t", `\xff`, "\xff", `\x00`, "\x00", `\r`, "\r", `\bom`, "\ufeff").Replace(line)
		}
		records = append(records, line)
	}
	if header == "?" {
		header, records = records[0], records[1:]
	}
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
	b := event.NewBatch(want)
	decodetest.Decode(d, decodetest.Chunk(header, records...), b)
	first := decodetest.Rows(b)
	decodetest.Decode(d, decodetest.Chunk(header, records...), b)
	if again := decodetest.Rows(b); again != first {
		t.Fatalf("a second time the rows are\n%s\nnot\n%s", again, first)
	}
	return first
}
