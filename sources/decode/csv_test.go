package decode

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

func cellsOf(record string, comma byte) ([]string, string) {
	b := event.NewBatch(event.Want{})
	b.Arena = append(b.Arena, "??"+record...)
	var c Cells
	c.Reset([]byte("??"+record), 2, comma)
	var out []string
	for v, ok := c.Next(); ok; v, ok = c.Next() {
		out = append(out, string(b.Bytes(CellText(b, v))))
	}
	return out, c.Fault()
}

func TestCells(t *testing.T) {
	f := func(record, want string) {
		t.Helper()
		got, fault := cellsOf(record, ',')
		if fault != "" || strings.Join(got, "|") != want {
			t.Errorf("%q is %q %s, want %q", record, got, fault, want)
		}
	}
	f(`a,b,c`, "a|b|c")
	f(`a,,`, "a||")
	f(`,`, "|")
	f(`"a,b","say ""hi""",c`, `a,b|say "hi"|c`)
	f("\"two\nlines\",x", "two\nlines|x")
	f(`6" nail,5'`, `6" nail|5'`)
	f(`"",   ,x`, "||x")
	f("abcdefghijklmnop,q,\xff\"", "abcdefghijklmnop|q|\ufffd\"")
	f("\"\xff\"\"\"", "\ufffd\"")
	f("zażółć,gęślą", "zażółć|gęślą")
	for _, bad := range []string{`"a`, `"a"b,c`, `x,"`, `"a""`} {
		if got, fault := cellsOf(bad, ','); fault == "" {
			t.Errorf("%q is %q, want a fault", bad, got)
		}
	}
}

func FuzzCells(f *testing.F) {
	for _, s := range []string{`a,b`, `"a","b""c"`, "\"a\nb\",c", `a"b,c`, "\xff,\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.ContainsAny(data, "\r") || bytes.HasPrefix(data, []byte("\n")) || len(bytes.TrimSpace(data)) == 0 {
			return
		}
		r := csv.NewReader(bytes.NewReader(data))
		want, err := r.Read()
		if err != nil || r.InputOffset() != int64(len(data)) || data[len(data)-1] == '\n' {
			cellsOf(string(data), ',') // must only not panic
			return
		}
		for i := range want {
			want[i] = string([]rune(want[i])) // each bad byte becomes U+FFFD
			if IsBlank([]byte(want[i])) {
				want[i] = ""
			}
		}
		got, fault := cellsOf(string(data), ',')
		if fault != "" || !slices.Equal(got, want) {
			t.Fatalf("%q is %q %s, want %q", data, got, fault, want)
		}
	})
}
