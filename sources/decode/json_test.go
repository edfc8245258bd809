package decode

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"touchstream/pipeline/event"
)

// depth is how many brackets are open at most, outside strings.
func depth(data []byte) int {
	open, most, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			most = max(most, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return most
}

// scan checks a text with the Scanner.
func scan(data []byte) (Value, bool) {
	var s Scanner
	s.Reset(data, 0)
	v, _ := s.Value()
	return v, s.End()
}

func checkValue(t *testing.T, data []byte) {
	t.Helper()
	v, ok := scan(data)
	want := json.Valid(data) && depth(data) <= DepthMax
	if ok != want {
		t.Fatalf("%q: valid %v, want %v", data, ok, want)
	}
	if !ok || v.Kind != String {
		return
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		t.Fatal(err)
	}
	b := event.NewBatch(event.Want{})
	b.Arena = append(b.Arena, data...)
	if got := string(b.Bytes(Text(b, v))); got != text {
		t.Fatalf("%q reads as %q, want %q", data, got, text)
	}
}

var texts = []string{
	`{}`, `[]`, `{"a":1}`, ` { "a" : [ 1 , 2.5e-3 , null , true , false , "x" ] } `, `{"a":1,}`, `{,}`, `[1,]`, `[,]`, `{"a"}`, `{"a":}`,
	`{"a":1`, `{"a":"x`, `{"a":"x\`, `{"a":"\u12`, `nul`, `nulL`, `tru`, `falsey`, `-`, `-0`, `01`, `1.`, `.5`, `1e`, `1e+`, `1E-2`, `-1.5e300`,
	`99999999999999999999999999999999`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\u00zz"`, `"\x"`, `"\'"`,
	"\"\x00\"", `"\u0000"`, "\"\xff\"", "\"a\xc3\"", "\"\xed\xa0\x80\"", "\"Zażółć gęślą\"", "\"12345678\xff\"", "\"\t\"", `{"a":1}{}`, `{} x`, "\ufeff{}", "",
	" ", `"abcdefgh"`, `"abcdefgh\n"`, `{"a":{"a":{"a":[[[{}]]]}}}`, `"\/\b\f\n\r\t\"\\"`, `{"a":1 "b":2}`, `[1 2]`, `{"a" 1}`, `{1:2}`, "nul\x00", `]`, `{]`, `[}`,
	strings.Repeat("[", DepthMax) + strings.Repeat("]", DepthMax),
	strings.Repeat("[", DepthMax+1) + strings.Repeat("]", DepthMax+1),
	strings.Repeat(`{"a":`, DepthMax+1) + "1" + strings.Repeat("}", DepthMax+1),
	strings.Repeat("[", 100_000),
}

func TestScannerAgainstJSON(t *testing.T) {
	for _, text := range texts {
		checkValue(t, []byte(text))
		for i := range min(len(text), 60) {
			checkValue(t, []byte(text[:i]))
			checkValue(t, []byte(text[i:]))
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkValue(t, data) })
}

func TestScannerFaultsSayWhatAndWhere(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var s Scanner
		s.Reset([]byte("??"+text), 2)
		s.Value()
		s.End()
		if got := s.Fault(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f(`{"a":1`, "byte 7: the text ends, want the closing bracket")
	f(`{"a" 1}`, `byte 6: found "1", want a colon`)
	f(`{} x`, `byte 4: found "x", want the end of the record`)
	f("\"a\nb\"", `byte 3: found "\n", want no control character in a string`)
	f(`{"a":"b`, "byte 8: the text ends, want the closing quote")
}

func TestTextsThatAreNotUTF8AreRepaired(t *testing.T) {
	if got := string(AppendValid(nil, []byte("a\xffb\xc3"))); got != "a\ufffdb\ufffd" {
		t.Errorf("got %q", got)
	}
	if !utf8.Valid(Unescape(nil, []byte("\xed\xa0\x80\\ud800"))) {
		t.Error("a surrogate survived")
	}
	if got := Cut(bytes.Repeat([]byte("ż"), 80)); !utf8.ValidString(got) || len(got) != 100+len("…") {
		t.Errorf("got %q", got)
	}
}
