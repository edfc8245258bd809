package segment

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/sources/decode"
	"touchstream/sources/decode/decodetest"
)

// slow is the decoder written as the documentation reads, on encoding/json.
type slow struct {
	b      *event.Batch
	record uint32
}

func (o *slow) decode(record []byte) {
	text, ok := decodetest.Strip(record)
	if !ok {
		o.b.Skipped++
		return
	}
	isArray := bytes.HasPrefix(bytes.TrimSpace(text), []byte("["))
	if !json.Valid(text) || decodetest.Depth(text) > decode.DepthMax || decodetest.Members(text) == nil && !isArray {
		o.b.Fail(o.record, -1, event.Malformed, "")
		return
	}
	if isArray {
		o.batch(text, nil)
		return
	}
	m := decodetest.Members(text)
	if list := bytes.TrimSpace(m["batch"]); bytes.HasPrefix(list, []byte("[")) {
		o.batch(list, m)
		return
	}
	o.message(m, 0)
}

func (o *slow) batch(list json.RawMessage, shared map[string]json.RawMessage) {
	for i, e := range decodetest.Elements(list) {
		m := decodetest.Members(e)
		if m == nil {
			o.b.Fail(o.record, int32(i), event.Malformed, "")
			continue
		}
		for _, key := range []string{"context", "sentAt", "receivedAt"} {
			if _, has := m[key]; !has && shared[key] != nil {
				m[key] = shared[key]
			}
		}
		o.message(m, int32(i))
	}
}

// first gives the first of the paths that is there.
func first(m map[string]json.RawMessage, paths string) (text, path string, kind byte) {
	whole, _ := json.Marshal(m)
	for _, p := range strings.Fields(paths) {
		if text, kind := decodetest.Text(decodetest.Find(whole, p)); kind != 0 {
			return text, p, kind
		}
	}
	return "", "", 0
}

func scalar(m map[string]json.RawMessage, paths string) string {
	if text, _, kind := first(m, paths); kind != 'o' {
		return text
	}
	return ""
}

func (o *slow) message(m map[string]json.RawMessage, element int32) {
	row := o.b.Add()
	o.b.Record[row], o.b.Element[row] = o.record, element
	if code, ok := o.fill(m, row); !ok {
		o.b.Undo(row)
		o.b.Fail(o.record, element, code, "")
	}
}

func (o *slow) fill(m map[string]json.RawMessage, row int) (event.ReasonCode, bool) {
	b := o.b
	kind, _, given := first(m, "type")
	if given != 0 && !slices.Contains(kindNames[:], kind) {
		return event.BadValue, false
	}
	name := kind
	if given == 0 || kind == "track" {
		var k byte
		if name, _, k = first(m, "event"); k == 0 {
			return event.MissingField, false
		} else if k == 'o' {
			return event.BadValue, false
		}
	}
	b.Str[event.Event][row] = b.Put([]byte(name))
	at, _, k := first(m, "timestamp originalTimestamp sentAt receivedAt")
	if k == 0 {
		return event.MissingField, false
	}
	if k != 's' || !decodetest.Put(b, event.EventTime, row, at, decode.ISO8601) {
		return event.BadTime, false
	}
	isPage := kind == "page" || kind == "screen"
	taken := map[string]bool{}
	for _, s := range sources {
		list := s.paths
		if isPage && s.page != "" {
			list = s.page
		}
		text, path, k := first(m, list)
		if k == 0 {
			continue
		}
		taken[path] = true
		c := s.column
		ok := k != 'o' && (c.Kind() != event.Time || k == 's') && decodetest.Put(b, c, row, text, decode.ISO8601)
		switch {
		case ok:
		case s.lenient:
			if c.Kind() != event.Text {
				b.Int[c][row] = event.Absent
			}
			delete(taken, path)
		case c.Kind() == event.Time:
			return event.BadTime, false
		default:
			return event.BadValue, false
		}
	}
	if !o.products(m, row) {
		return event.BadValue, false
	}
	o.special(m, row, kind)
	o.attributes(m, row, kind, taken)
	return 0, true
}

func (o *slow) products(m map[string]json.RawMessage, row int) bool {
	text, _, kind := first(m, "properties.products")
	if kind == 0 {
		return true
	}
	if kind != 'o' || text[0] != '[' {
		return false
	}
	for _, e := range decodetest.Elements(decodetest.Find(m["properties"], "products")) {
		p := decodetest.Members(e)
		if p == nil {
			return false
		}
		item := o.b.AddItem(row)
		for _, s := range itemSources {
			text, _, kind := first(p, s.paths)
			if kind != 0 && (kind == 'o' || !decodetest.PutItem(o.b, s.column, item, text)) {
				return false
			}
		}
	}
	return true
}

func (o *slow) special(m map[string]json.RawMessage, row int, kind string) {
	b := o.b
	set := func(c event.Column, text string) { b.Str[c][row] = b.Put([]byte(text)) }
	if kind == "alias" && b.Str[event.AnonymousID][row].Len == 0 {
		set(event.AnonymousID, scalar(m, "previousId"))
	}
	channel := scalar(m, "properties.channel context.channel")
	if channel == "" {
		channel = map[string]string{"web": "web", "browser": "web", "mobile": "app"}[scalar(m, "channel")]
	}
	set(event.Channel, channel)
	device := scalar(m, "properties.device_type")
	if device == "" {
		device = scalar(m, "context.device.type")
	}
	if w := kindOfType([]byte(device)); w != noWord {
		device = words[w]
	}
	if agent := scalar(m, "context.userAgent properties.user_agent"); device == "" && agent != "" {
		lower := []byte(agent)
		for i, c := range lower {
			if 'A' <= c && c <= 'Z' {
				lower[i] = c + 32
			}
		}
		device = words[kindOf(lower)]
	}
	set(event.DeviceType, device)
	set(event.PagePath, o.path(m, kind))
}

func (o *slow) path(m map[string]json.RawMessage, kind string) string {
	paths, urls := "context.page.path properties.page_path", "context.page.url properties.page_url"
	if kind == "page" || kind == "screen" {
		paths, urls = "properties.path context.page.path", "properties.url context.page.url"
	}
	cut := func(s string) string {
		s, _, _ = strings.Cut(s, "?")
		s, _, _ = strings.Cut(s, "#")
		return s
	}
	if p := scalar(m, paths); p != "" {
		return cut(p)
	}
	if u := scalar(m, urls); u != "" {
		if _, rest, has := strings.Cut(u, "://"); has {
			i := strings.IndexAny(rest, "/?#")
			if i < 0 {
				return "/"
			}
			u = rest[i:]
		}
		if u = cut(u); u == "" {
			u = "/"
		}
		return u
	}
	if kind == "screen" {
		return scalar(m, "name")
	}
	return ""
}

func (o *slow) attributes(m map[string]json.RawMessage, row int, kind string, taken map[string]bool) {
	isPage := kind == "page" || kind == "screen"
	var known []string
	for _, s := range sources {
		known = append(known, strings.Fields(s.paths+" "+s.page)...)
	}
	known = append(known, strings.Fields(channelPaths+" "+deviceTypePaths+" "+userAgentPaths+" "+pathPaths+" "+pagePathPaths+" "+urlPaths+" "+pageURLPaths)...)
	lists := []string{"properties"}
	if kind == "identify" || kind == "group" {
		lists = append(lists, "traits")
	}
	seen := map[string]string{}
	for _, list := range lists {
		for key, raw := range decodetest.Members(m[list]) {
			path := list + "." + key
			text, k := decodetest.Text(raw)
			isTaken := taken[path] || slices.Contains(known, path) && !slices.Contains([]string{"total", "revenue", "value", "url", "title", "referrer", "path", "name", "position", "results"}, key)
			if list == "properties" && (key == "path" && isPage) {
				isTaken = true
			}
			if list == "properties" && key == "name" {
				isTaken = false
			}
			if key == "products" && list == "properties" || isTaken || k == 'o' || k == 0 || key == "" {
				continue
			}
			seen[path] = text
		}
	}
	// A property and a trait of one name are one attribute: the later in the text
	// counts, which the fuzz inputs leave out of the comparison.
	for path, text := range seen {
		_, key, _ := strings.Cut(path, ".")
		o.b.AddAttr(row, o.b.Put([]byte(key)), o.b.Put([]byte(text)))
	}
	if id := scalar(m, "groupId"); kind == "group" && id != "" {
		o.b.AddAttr(row, o.b.Put([]byte("group_id")), o.b.Put([]byte(id)))
	}
}

func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`{"type":"page","name":"Home","messageId":"m1","timestamp":"2026-03-02T10:00:00.123Z","anonymousId":"a1","properties":{"path":"/s?x","url":"https://s.e/s?x=1","title":"T","referrer":"r","name":"N"},"context":{"userAgent":"Mozilla (iPhone; Mobile)","locale":"pl","page":{"path":"/x"},"campaign":{"name":"c"},"location":{"latitude":54.3},"device":{"id":"D","type":"ios"}}}`,
		`{"type":"track","event":"Order Completed","timestamp":"2026-03-02T10:00:00Z","properties":{"order_id":"o","total":"2.5","revenue":2,"position":"top","products":[{"product_id":"p","price":1.5,"quantity":"2"},{"id":5}],"results":[1],"promised_at":"2026-03-02T10:00:00"}}`,
		`{"batch":[{"event":"A"},{"type":"group","groupId":"g","traits":{"a":1,"email":"e"},"context":{}},5],"context":{"channel":"x"},"sentAt":"2026-03-02T10:00:00Z"}`,
		`[{"type":"alias","previousId":"p","userId":1,"timestamp":"2026-03-02T10:00:00Z","channel":"mobile"}]`, `{"type":"screen","name":"S","receivedAt":"2026-03-02T10:00:00Z"}`,
		`{"event":"A","timestamp":1}`, `{"event":"A","sentAt":"2026-03-02T10:00:00Z","properties":{"a":1,"a":2,"price":"x"}}`, `{"type":"x"}`, `{"event":"\ud800A\u00e9","sentAt":"2026-03-02T10:00:00Z","properties":{"b\u0061":"\xff"},"properties":{"c":3}}`,
		"", " ", "[]", "[", "{}", "\xef\xbb\xbf{}", `{"event":"A","sentAt":"2026-03-02T10:00:00Z","properties":{"url":"http://h?q","page_url":"http://h"}}`,
	} {
		f.Add([]byte(s))
	}
	want, got := event.NewBatch(decodetest.All()), event.NewBatch(decodetest.All())
	fast, o := New(Config{})(), &slow{b: want}
	f.Fuzz(func(t *testing.T, data []byte) {
		if hasOneNameTwice(data) {
			return
		}
		want.Reset()
		for r := range 2 {
			o.record = uint32(r)
			o.decode(data)
		}
		decodetest.Decode(fast, decodetest.Chunk("", string(data), string(data)), got)
		if got, want := decodetest.Essence(got), decodetest.Essence(want); got != want {
			t.Fatalf("%q gives\n%s\nwant\n%s", data, got, want)
		}
	})
}

// hasOneNameTwice reports whether properties and traits may share a name.
func hasOneNameTwice(data []byte) bool {
	return bytes.Contains(data, []byte("traits")) && bytes.Contains(data, []byte("properties"))
}

func TestPathsOfURLs(t *testing.T) {
	b := event.NewBatch(event.Want{})
	for _, u := range []string{"https://a.b/c/d?e=1#f", "https://a.b/c", "https://a.b/", "http://a.b/c#d?e"} {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b.Bytes(decode.PathOf(b, b.Put([]byte(u))))); got != parsed.Path {
			t.Errorf("%s has path %s, want %s", u, got, parsed.Path)
		}
	}
}
