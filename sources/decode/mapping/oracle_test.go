package mapping

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/pipeline/money"
	"touchstream/sources/decode"
	"touchstream/sources/decode/decodetest"
)

// slow is the decoder written as the documentation reads, on encoding/json.
type slow struct {
	cfg    Config
	header []string
	b      *event.Batch
	record uint32
}

// scope is what paths are looked up in: the innermost level last.
type scope []func(path string) json.RawMessage

func object(raw json.RawMessage) func(string) json.RawMessage {
	return func(path string) json.RawMessage { return decodetest.Find(raw, path) }
}

func (s scope) find(path string) json.RawMessage {
	name := strings.TrimLeft(path, "^")
	return s[len(s)-1-(len(path)-len(name))](name)
}

func (o *slow) decode(record []byte) {
	text, ok := decodetest.Strip(record)
	if o.cfg.IsCSV() {
		if ok {
			o.csv(string(text))
		} else {
			o.b.Skipped++
		}
		return
	}
	if !ok {
		o.b.Skipped++
		return
	}
	if !json.Valid(text) || decodetest.Depth(text) > decode.DepthMax || decodetest.Members(text) == nil {
		o.b.Fail(o.record, -1, event.Malformed, "")
		return
	}
	if o.cfg.Expand == "" {
		o.event(scope{object(text)}, 0)
		return
	}
	array := bytes.TrimSpace(decodetest.Find(text, o.cfg.Expand))
	switch {
	case len(array) == 0 || array[0] == 'n':
		o.b.Fail(o.record, -1, event.MissingField, "")
		return
	case array[0] != '[':
		o.b.Fail(o.record, -1, event.BadValue, "")
		return
	}
	for i, e := range decodetest.Elements(array) {
		if decodetest.Members(e) == nil {
			o.b.Fail(o.record, int32(i), event.Malformed, "")
			continue
		}
		o.event(scope{object(text), object(e)}, int32(i))
	}
}

// csv cuts a row character by character.
func (o *slow) csv(text string) {
	var cells []string
	cell, state := []byte{}, byte('s') // start, unquoted, quoted, after
	for i := 0; i <= len(text); i++ {
		end := i == len(text)
		if (end || text[i] == ',') && state != 'q' {
			cells, cell, state = append(cells, string([]rune(string(cell)))), cell[:0], 's'
			continue
		}
		switch {
		case end, state == 'a':
			o.b.Fail(o.record, -1, event.Malformed, "")
			return
		case text[i] == '"' && state == 's':
			state = 'q'
		case text[i] == '"' && state == 'q' && i+1 < len(text) && text[i+1] == '"':
			cell = append(cell, '"')
			i++
		case text[i] == '"' && state == 'q':
			state = 'a'
		default:
			cell = append(cell, text[i])
			if state == 's' {
				state = 'u'
			}
		}
	}
	if len(cells) != len(o.header) {
		o.b.Fail(o.record, -1, event.Malformed, "")
		return
	}
	o.event(scope{func(name string) json.RawMessage {
		i := slices.Index(o.header, name)
		if i < 0 {
			return nil
		}
		if strings.Trim(cells[i], " \t\r\n") == "" {
			cells[i] = ""
		}
		raw, _ := json.Marshal(cells[i])
		return raw
	}}, 0)
}

func (o *slow) event(s scope, element int32) {
	if o.cfg.Where != "" {
		f, _ := filter.CompileFields(o.cfg.Where)
		if !f.NewEval().Keep(func(i int) ([]byte, filter.FieldKind) {
			raw := s.find(f.Fields()[i])
			text, kind := decodetest.Text(raw)
			switch {
			case kind == 'n':
				return []byte(text), filter.Number
			case kind == 'b':
				return []byte(text), filter.Bool
			case len(raw) == 0 || raw[0] == 'n':
				return nil, filter.Missing
			case kind == 0:
				json.Unmarshal(raw, &text)
			}
			return []byte(text), filter.Text
		}) {
			o.b.Skipped++
			return
		}
	}
	row := o.b.Add()
	o.b.Record[row], o.b.Element[row] = o.record, element
	if code, ok := o.fill(s, row); !ok {
		o.b.Undo(row)
		o.b.Fail(o.record, element, code, "")
	}
}

func (o *slow) fill(s scope, row int) (event.ReasonCode, bool) {
	b := o.b
	fields := slices.Clone(o.cfg.Fields)
	slices.SortStableFunc(fields, func(x, y Field) int { return rank(x.Name) - rank(y.Name) })
	for _, f := range fields {
		c, _ := event.ColumnByName(f.Name)
		text, ok := o.text(s, &f, false)
		if !ok {
			return event.BadValue, false
		}
		if text == "" {
			if rank(f.Name) < 2 {
				return event.MissingField, false
			}
			continue
		}
		format, _ := decode.NewTimeFormat(f.Format, f.Zone)
		if c.Kind() != event.Time {
			format = &decode.TimeFormat{}
		}
		if !put(b, c, row, -1, text, &f, format) {
			if c.Kind() == event.Time {
				return event.BadTime, false
			}
			return event.BadValue, false
		}
	}
	for _, f := range o.cfg.Attributes {
		text, ok := o.text(s, &f, true)
		if !ok {
			return event.BadValue, false
		}
		if text != "" {
			b.AddAttr(row, b.Put([]byte(f.Name)), b.Put([]byte(text)))
		}
	}
	return event.BadValue, o.items(s, row)
}

func rank(name string) int {
	switch name {
	case "event":
		return 0
	case "event_time":
		return 1
	}
	return 2
}

func (o *slow) items(s scope, row int) bool {
	for _, path := range o.cfg.ItemsPath {
		raw := s.find(path)
		text, kind := decodetest.Text(raw)
		if kind == 0 {
			continue
		}
		list := []byte(strings.TrimLeft(text, " \t\r\n"))
		if len(list) == 0 || list[0] != '[' || !json.Valid(list) || decodetest.Depth(list) > decode.DepthMax {
			return false
		}
		for _, e := range decodetest.Elements(list) {
			if decodetest.Members(e) == nil {
				return false
			}
			item := o.b.AddItem(row)
			for _, f := range o.cfg.ItemFields {
				c, _ := itemColumn(f.Name)
				text, ok := o.text(append(slices.Clone(s), object(e)), &f, false)
				if !ok || text != "" && !put(o.b, c, row, item, text, &f, nil) {
					return false
				}
			}
		}
		return true
	}
	return true
}

// text makes the text of a field; JSON numbers get the field's decimal sign.
func (o *slow) text(s scope, f *Field, isAttribute bool) (text string, ok bool) {
	if f.Const != nil {
		return *f.Const, true
	}
	var kind byte
	for _, p := range f.Paths {
		raw := s.find(p)
		if text, kind = decodetest.Text(raw); kind != 0 {
			break
		}
	}
	if f.Template != "" {
		text = f.Template
		parts, _ := parseTemplate(f.Template)
		for _, p := range parts {
			value, kind := decodetest.Text(s.find(p.path))
			if kind == 0 {
				text = ""
				break
			}
			text = strings.Replace(text, "{"+p.path+"}", value, 1)
		}
	}
	if kind == 'o' && !isAttribute && f.JSON == "" {
		return "", false
	}
	if f.JSON != "" && text != "" {
		inner := bytes.Trim([]byte(text), " \t\r\n")
		if !json.Valid(inner) || decodetest.Depth(inner) > decode.DepthMax || inner[0] != '{' && inner[0] != 'n' {
			return "", false
		}
		if text, kind = decodetest.Text(decodetest.Find(inner, f.JSON)); kind == 'o' && !isAttribute {
			return "", false
		}
	}
	if f.Trim {
		text = strings.TrimSpace(text)
	}
	if f.Lower {
		text = strings.ToLower(text)
	}
	if f.HasMap {
		for _, m := range f.Map {
			if m.Name == text {
				return m.Value, true
			}
		}
		if f.Default != nil {
			return *f.Default, true
		}
	}
	if text == "" && f.Default != nil {
		return *f.Default, true
	}
	if kind == 'n' && f.Decimal == "," {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text, true
}

func put(b *event.Batch, c event.Column, row, item int, text string, f *Field, format *decode.TimeFormat) bool {
	isGiven := f.Const != nil && *f.Const == text || f.Default != nil && *f.Default == text
	if !isGiven && f.Decimal == "," && c.Kind() != event.Text {
		if strings.Contains(text, ".") {
			return false
		}
		text = strings.Replace(text, ",", ".", 1)
	}
	if !isGiven && f.Unit == unitMinor {
		v, ok := money.ParseScaled([]byte(strings.Trim(text, " \t\r\n")), '.', -2)
		text = string(money.Append(nil, v))
		if !ok {
			return false
		}
	}
	if item >= 0 {
		return decodetest.PutItem(b, c, item, text)
	}
	return decodetest.Put(b, c, row, text, func(s []byte) (int64, bool) {
		if isGiven {
			return decode.RFC3339(s)
		}
		return format.Parse(s)
	})
}

var fuzzed = []struct{ mapping, header string }{
	{`
format: jsonl
fields: {event: [e, x.e], event_time: {path: t, format: unix_ms}, user_id: {path: u.id, trim: true}, email: {path: u.mail, lower: true},
  price: {path: p, decimal: ","}, quantity: {path: q, default: 1}, resolved: r, position: n, score: f, city: u.c,
  channel: {path: k, map: {T: pos, W: web, "": none}, default: other}, message_id: {template: "{e}/{u.id}"}, order_id: {path: j, json: a.b}}
attributes: {u: u, j: {path: j, json: a}, t: t}
items: {path: [i, x.i], fields: {sku: s, price: {path: p, unit: minor}, variant: ^e, quantity: q}}
where: e != "skip" and not (u.id == "x")
`, ""},
	{`
format: jsonl
expand: x.list
fields: {event: {path: e, map: {v: Product Viewed}}, event_time: {path: [t, ^t], format: unix_s}, user_id: ^u, product_id: p, category: ^x.c}
where: ^u != nil
`, ""},
	{`
format: csv
fields: {event: {path: e, default: page}, event_time: {path: t, format: "2006-01-02 15:04:05", zone: Europe/Warsaw}, user_id: [u, v], price: {path: p, decimal: ","}, order_id: {path: j, json: a}}
attributes: {v: {path: v, lower: true}}
where: u != "0"
`, "e,t,u,v,p,j"},
}

func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`{"e":"page","t":1,"u":{"id":" a ","mail":"A@B","c":"\u00e9"},"p":"1,5","q":2,"r":true,"n":1e1,"f":-1.5,"k":"T","j":"{\"a\":{\"b\":1}}","i":[{"s":"x","p":250,"q":1},{}]}`,
		`{"e":"page","t":1,"p":1.5,"k":"zzz","x":{"i":"[{\"s\":\"x\"}]"}}`, `{"e":"page","t":1,"i":[1]}`, `{"e":"skip"}`, `{"e":{"a":1},"t":1}`, `{"t":1}`, `{"e":"a","t":"x"}`,
		`{"u":"7","t":5,"x":{"c":"C","list":[{"e":"v","t":3,"p":"q"},{"e":"w"},7,{"t":1}]}}`, `{"u":"7","x":{"list":{}}}`, `{"u":"7","x":{}}`, `{"u":null,"x":{"list":[{"e":"v"}]}}`,
		"page,2020-01-02 03:04:05,a,b,\"1,5\",\"{\"\"a\"\":2}\"", "page,2020-01-02 03:04:05.5,,B,,", "a,b", "x,\"y", ",2020-01-02 03:04:05,0,,,", "\xef\xbb\xbf{}", "", " \r\n", "\xff,2020-01-02 03:04:05,\xc3,\"\xff\"\"\",,",
		`{"e":"a","e":"b","t":1,"u":{"id":1},"u":{"c":2}}`, `{"e":"a","t":1} x`, `[{}]`, `{"e":"a","t":1,"j":"nul"}`, `{"e":"\ud800","t":1e-400,"q":1e999999999}`,
	} {
		f.Add([]byte(s))
	}
	type pair struct {
		slow *slow
		fast event.Decoder
		want *event.Batch
		got  *event.Batch
	}
	var pairs []pair
	for _, c := range fuzzed {
		cfg, err := parse(c.mapping)
		if err != nil {
			f.Fatal(err)
		}
		want, got := event.NewBatch(decodetest.All()), event.NewBatch(decodetest.All())
		pairs = append(pairs, pair{&slow{cfg: cfg, header: strings.Split(c.header, ","), b: want}, decoderOf(f, c.mapping), want, got})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for i, p := range pairs {
			p.want.Reset()
			for r := range 2 {
				p.slow.record = uint32(r)
				p.slow.decode(data)
			}
			decodetest.Decode(p.fast, decodetest.Chunk(fuzzed[i].header, string(data), string(data)), p.got)
			if got, want := decodetest.Essence(p.got), decodetest.Essence(p.want); got != want {
				t.Fatalf("mapping %d: %q gives\n%s\nwant\n%s", i, data, decodetest.Rows(p.got), want)
			}
		}
	})
}
