package ga4

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/sources/decode"
	"touchstream/sources/decode/decodetest"
)

// slow is the decoder written as the documentation reads, on encoding/json.
type slow struct {
	b       *event.Batch
	skip    []string
	record  uint32
	came    int64
	element int32
}

type object = map[string]json.RawMessage

func (o *slow) decode(record []byte, came int64) {
	text, ok := decodetest.Strip(record)
	if !ok {
		o.b.Skipped++
		return
	}
	o.element, o.came = 0, event.Absent
	isArray := bytes.HasPrefix(bytes.TrimSpace(text), []byte("["))
	m := decodetest.Members(text)
	if !json.Valid(text) || decodetest.Depth(text) > decode.DepthMax || m == nil && !isArray {
		o.b.Fail(o.record, -1, event.Malformed, "")
		return
	}
	list := bytes.TrimSpace(m["events"])
	switch {
	case isArray:
		o.list(text, nil)
	case bytes.HasPrefix(list, []byte("[")):
		o.came = came
		o.list(list, m)
	default:
		o.event(m, nil)
	}
}

func (o *slow) list(list json.RawMessage, request object) {
	for _, raw := range decodetest.Elements(list) {
		m := decodetest.Members(raw)
		if m == nil {
			o.fail(event.Malformed)
			continue
		}
		for key, value := range request {
			if _, has := m[key]; !has && key != "params" && key != "name" && key != "event_name" && key != "events" {
				m[key] = value
			}
		}
		o.event(m, request)
	}
}

func (o *slow) fail(code event.ReasonCode) {
	o.b.Fail(o.record, o.element, code, "")
	o.element++
}

// text is a value's text and kind; "(not set)" is absent.
func text(raw json.RawMessage) (string, byte) {
	t, kind := decodetest.Text(raw)
	if t == "(not set)" {
		return "", 0
	}
	return t, kind
}

func first(m object, list string) (t, path string, kind byte) {
	whole, _ := json.Marshal(m)
	for _, p := range paths(list) {
		path := strings.Join(p, ".")
		if t, kind := text(decodetest.Find(whole, path)); kind != 0 {
			return t, path, kind
		}
	}
	return "", "", 0
}

func scalar(m object, list string) string {
	if t, _, kind := first(m, list); kind != 'o' {
		return t
	}
	return ""
}

// pairs makes an object of a list of keys and values.
func pairs(raw json.RawMessage, into object) (object, bool) {
	_, kind := decodetest.Text(raw)
	list := decodetest.Elements(raw)
	if kind == 0 && !bytes.HasPrefix(bytes.TrimSpace(raw), []byte(`"`)) {
		return into, true
	}
	if list == nil {
		return nil, false
	}
	if into == nil {
		into = object{}
	}
	for _, e := range list {
		m := decodetest.Members(e)
		key, kind := text(m["key"])
		if m == nil || kind == 0 || kind == 'o' {
			return nil, false
		}
		into[key] = nil
		for _, path := range []string{"value.string_value", "value.int_value", "value.double_value", "value.float_value", "value"} {
			raw := decodetest.Find(e, path)
			if _, kind := decodetest.Text(raw); kind == 'o' {
				if path != "value" {
					break // an object there is a value that cannot be used
				}
				continue
			} else if kind != 0 {
				into[key] = raw
				break
			}
		}
	}
	return into, true
}

func (o *slow) event(m, request object) {
	name, _, kind := first(m, "event_name name")
	switch {
	case kind == 0:
		o.fail(event.MissingField)
		return
	case kind == 'o':
		o.fail(event.BadValue)
		return
	case slices.Contains(o.skip, name):
		o.b.Skipped++
		return
	}
	params, ok := pairs(m["event_params"], decodetest.Members(m["params"]))
	if !ok {
		o.fail(event.BadValue)
		return
	}
	user := object{}
	given := bytes.TrimSpace(m["user_properties"])
	if bytes.HasPrefix(given, []byte("{")) {
		for key, raw := range decodetest.Members(given) {
			user[key] = raw
			if decodetest.Members(raw) != nil {
				if user[key] = decodetest.Find(raw, "value"); user[key] == nil && slices.Contains([]string{"email", "phone", "loyalty_id"}, key) {
					user[key] = raw
				} else if t, k := text(user[key]); k == 0 && t == "" && slices.Contains([]string{"email", "phone", "loyalty_id"}, key) {
					user[key] = raw
				}
			}
		}
	} else if user, ok = pairs(given, user); !ok {
		o.fail(event.BadValue)
		return
	}
	full := object{}
	for key, raw := range m {
		full[key] = raw
	}
	full["params"], _ = json.Marshal(params)
	full["user_properties"], _ = json.Marshal(user)
	items, _, kind := first(full, "items p.items")
	var list []json.RawMessage
	if kind != 0 {
		if list = decodetest.Elements(json.RawMessage(items)); kind != 'o' || list == nil {
			o.fail(event.BadValue)
			return
		}
	}
	for _, e := range list {
		if decodetest.Members(e) == nil {
			o.fail(event.BadValue)
			return
		}
	}
	canonical := names[name]
	if !isOfOneProduct(canonical) || len(list) == 0 {
		o.row(full, params, user, name, list, -1)
		return
	}
	for i := range list {
		o.row(full, params, user, name, list, i)
	}
}

func (o *slow) row(m, params, user object, name string, items []json.RawMessage, product int) {
	row := o.b.Add()
	o.b.Record[row], o.b.Element[row] = o.record, o.element
	if code, ok := o.fill(m, row, name, items, product); !ok {
		o.b.Undo(row)
		o.fail(code)
		return
	}
	o.element++
	o.special(m, row, names[name])
	o.attributes(m, params, user, row, names[name])
}

func (o *slow) fill(m object, row int, name string, items []json.RawMessage, product int) (event.ReasonCode, bool) {
	b, canonical := o.b, names[name]
	if canonical != event.Custom {
		name = canonical.String()
	}
	b.Str[event.Event][row] = b.Put([]byte(name))
	at, _, kind := first(m, "event_timestamp timestamp_micros")
	switch {
	case kind == 0 && o.came == event.Absent:
		return event.MissingField, false
	case kind == 0:
		b.Int[event.EventTime][row] = o.came
	case kind == 'o' || !decodetest.Put(b, event.EventTime, row, at, decode.UnixMicros):
		return event.BadTime, false
	}
	for c := range event.Column(event.NumColumns) {
		if isApart(c) {
			continue
		}
		t, _, kind := first(m, pathsOf(c))
		if kind != 0 && (kind == 'o' || !decodetest.Put(b, c, row, t, decode.RFC3339)) {
			if c.Kind() == event.Time {
				return event.BadTime, false
			}
			return event.BadValue, false
		}
	}
	amount := amountPath(m, canonical)
	if product < 0 || len(items) == 1 {
		t, _, kind := first(m, amount)
		if kind != 0 && (kind == 'o' || !decodetest.Put(b, event.Amount, row, t, nil)) {
			return event.BadValue, false
		}
	}
	if product >= 0 {
		return event.BadValue, o.product(row, items[product])
	}
	return event.BadValue, o.items(row, canonical, items)
}

func amountPath(m object, name event.Name) string {
	for _, c := range []struct {
		name event.Name
		path string
	}{{event.OrderCompleted, "ecommerce.purchase_revenue"}, {event.OrderRefunded, "ecommerce.refund_value"}} {
		if _, _, kind := first(m, c.path); name == c.name && kind != 0 {
			return c.path
		}
	}
	return "p.value"
}

func (o *slow) product(row int, raw json.RawMessage) bool {
	for _, s := range itemSources {
		t, _, kind := first(decodetest.Members(raw), s.paths)
		if s.column == event.Amount && o.b.Int[event.Amount][row] != event.Absent {
			continue
		}
		if kind != 0 && (kind == 'o' || !decodetest.Put(o.b, s.column, row, t, nil)) {
			return false
		}
	}
	return true
}

func (o *slow) items(row int, name event.Name, items []json.RawMessage) bool {
	for i, raw := range items {
		m := decodetest.Members(raw)
		if i == 0 && (name == event.PromotionViewed || name == event.PromotionClicked) && o.b.Str[event.PromotionID][row].Len == 0 {
			o.b.Str[event.PromotionID][row] = o.b.Put([]byte(scalar(m, "promotion_id")))
		}
		item := o.b.AddItem(row)
		for _, s := range itemSources {
			t, _, kind := first(m, s.paths)
			if kind != 0 && (kind == 'o' || !decodetest.PutItem(o.b, s.column, item, t)) {
				return false
			}
		}
	}
	return true
}

func (o *slow) special(m object, row int, name event.Name) {
	b := o.b
	set := func(c event.Column, t string) { b.Str[c][row] = b.Put([]byte(t)) }
	channel := scalar(m, "p.channel")
	if channel == "" {
		channel = map[string]string{"WEB": "web", "web": "web", "ANDROID": "app", "IOS": "app", "android": "app", "ios": "app"}[scalar(m, "platform")]
	}
	if _, _, kind := first(m, "app_instance_id"); channel == "" && kind != 0 {
		channel = "app"
	}
	set(event.Channel, channel)
	device := scalar(m, "device.category")
	if device == "mobile" {
		device = "phone"
	}
	set(event.DeviceType, device)
	path, url := scalar(m, "p.page_path"), scalar(m, "p.page_location")
	switch {
	case path != "":
		set(event.PagePath, string(b.Bytes(decode.CutQuery(b, b.Put([]byte(path))))))
	case url != "":
		s := string(b.Bytes(decode.PathOf(b, b.Put([]byte(url)))))
		if s == "" {
			s = "/"
		}
		set(event.PagePath, s)
	case name == event.Screen:
		set(event.PagePath, scalar(m, screenPaths))
	}
	if name == event.CheckoutStepCompleted && b.Str[event.Step][row].Len == 0 {
		set(event.Step, "shipping")
	}
}

func (o *slow) attributes(m, params, user object, row int, name event.Name) {
	look := channelPaths + " " + pathPaths + " " + screenPaths + " " + amountPaths + " p.items"
	for c := range event.Column(event.NumColumns) {
		if !isApart(c) {
			look += " " + pathsOf(c)
		}
	}
	known := map[string]bool{}
	for _, p := range paths(look) {
		known[strings.Join(p[:min(2, len(p))], ".")] = true
	}
	add := func(key, t string) {
		if t != "" && key != "" {
			o.b.AddAttr(row, o.b.Put([]byte(key)), o.b.Put([]byte(t)))
		}
	}
	for key, raw := range params {
		if t, kind := decodetest.Text(raw); kind != 'o' && !known["params."+key] {
			add(key, t)
		}
	}
	for key, raw := range user {
		if t, kind := decodetest.Text(raw); kind != 'o' && !known["user_properties."+key] {
			add("user."+key, t)
		}
	}
	add("first_campaign", scalar(m, "traffic_source.name"))
	add("first_source", scalar(m, "traffic_source.source"))
	add("first_medium", scalar(m, "traffic_source.medium"))
	if amountPath(m, name) != "p.value" {
		add("value", scalar(m, "p.value"))
	}
}

func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`{"event_timestamp":"1612069510766593","event_name":"page_view","event_params":[{"key":"a","value":{"int_value":"6"}},{"key":"page_location","value":{"string_value":"https://s.e/a?x"}}],"user_pseudo_id":"1","user_properties":[{"key":"loyalty_id","value":{"string_value":"L"}},{"key":"t","value":{"string_value":"g"}}],"device":{"category":"mobile"},"geo":{"city":"(not set)"},"traffic_source":{"name":"n"},"platform":"WEB"}`,
		`{"event_timestamp":5,"event_name":"purchase","ecommerce":{"purchase_revenue":"1.5"},"event_params":[{"key":"value","value":{"double_value":2.5}}],"items":[{"item_id":"p","price":"1"},{}]}`,
		`{"event_timestamp":5,"event_name":"view_item","items":[{"item_id":"p","price":"1"},{"price":"x"}]}`,
		`{"client_id":"c","timestamp_micros":7,"user_properties":{"t":{"value":1},"email":{"value":"e"}},"events":[{"name":"add_to_cart","params":{"value":3,"items":[{"item_id":"a"}]}},{"name":"b"},5,{}]}`,
		`{"app_instance_id":"a","events":[{"name":"screen_view","params":{"screen_name":"S"}}]}`, `[{"event_name":"skip"},{"event_name":"refund","event_timestamp":5}]`,
		`{"event_timestamp":5,"event_name":"view_promotion","items":[{"promotion_id":"p"}]}`, `{"event_timestamp":5,"event_name":"add_shipping_info","event_params":[{"key":"promised_at","value":{"string_value":"x"}}]}`,
		"", "[]", "{}", "[", `{"event_name":"a","event_params":{}}`, `{"event_name":"a","event_params":[1]}`,
	} {
		f.Add([]byte(s))
	}
	want, got := event.NewBatch(decodetest.All()), event.NewBatch(decodetest.All())
	fast, o := New(Config{Skip: []string{"skip"}})(), &slow{b: want, skip: []string{"skip"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		want.Reset()
		chunk := decodetest.Chunk("", string(data), string(data))
		chunk.Recs[1].Timestamp = 1000
		for r := range 2 {
			o.record = uint32(r)
			o.decode(data, chunk.Recs[r].Timestamp)
		}
		decodetest.Decode(fast, chunk, got)
		if got, want := decodetest.Essence(got), decodetest.Essence(want); got != want {
			t.Fatalf("%q gives\n%s\nwant\n%s", data, got, want)
		}
	})
}
