package pipeline

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

const eventsName = "events"

// eventsFill adds the rows of a piece to one column of the events table, whose
// rows are packed.
type eventsFill func(d *schema.Data, out *schema.Rows, p *piece, origins []event.Origin)

// Events is the table of all events that were decoded and are no duplicates,
// written on arrival, and the way each of its columns is filled.
var Events, eventsFills = declareEvents()

func declareEvents() (*schema.Table, []eventsFill) {
	t := &schema.Table{
		Name:      eventsName,
		Doc:       "Every event, written on arrival, without duplicates.",
		ID:        []string{"event", "event_time", "message_id"},
		Partition: "event_time",
		Profiles:  []string{"profile_id"},
	}
	var fills []eventsFill
	add := func(name string, typ schema.Type, doc string, fill eventsFill) {
		nullable := typ != schema.Text && typ != schema.LowText && typ != schema.Map && typ != schema.Texts && typ != schema.Moneys
		t.Columns = append(t.Columns, schema.Column{Name: name, Type: typ, Nullable: nullable, Doc: doc})
		fills = append(fills, fill)
	}
	head := []event.Column{event.EventTime, event.ReceivedTime, event.Event, event.Channel}
	for _, c := range head {
		add(c.String(), columnType(c), columnDoc(c), fillColumn(c))
	}
	t.Columns[0].Nullable = false
	add("profile_id", schema.Text, "Profile as known on arrival; empty if there is none.", fillHash(func(p *piece) []event.Hash { return p.batch.Profile }))
	add("message_id", schema.Text, "Id of the message; without one source/topic/partition/offset/element.", fillMessage)
	add("source", schema.LowText, "Name of the source.", fillOrigin(func(o *event.Origin) string { return o.Source }))
	add("topic", schema.LowText, "Kafka topic or file path.", fillOrigin(func(o *event.Origin) string { return o.Topic }))
	add("partition", schema.Int, "Kafka partition; 0 for files.", fillInt(func(p *piece, r uint32, o []event.Origin) int64 { return int64(o[p.batch.Origin[r]].Partition) }))
	add("offset", schema.Int, "Kafka offset; for files the physical line from 1.", fillInt(func(p *piece, r uint32, _ []event.Origin) int64 { return p.batch.Offset[r] }))
	add("element", schema.Int, "Index within a record of several events.", fillInt(func(p *piece, r uint32, _ []event.Origin) int64 { return int64(p.batch.Element[r]) }))
	for _, n := range []string{"partition", "offset", "element"} {
		t.Columns[t.Column(n)].Nullable = false
	}
	for c := range event.Column(event.NumColumns) {
		switch c {
		case event.EventTime, event.ReceivedTime, event.Event, event.Channel, event.MessageID:
		case event.Email, event.Phone, event.PaymentToken:
			k := identOf(c)
			add(c.String()+"_hash", schema.Text, "Keyed hash of the "+c.String()+".", fillHash(func(p *piece) []event.Hash { return p.batch.Ident[k] }))
		case event.Topic: // topic is the Kafka topic here
			add("case_topic", columnType(c), columnDoc(c), fillColumn(c))
		default:
			add(c.String(), columnType(c), columnDoc(c), fillColumn(c))
		}
	}
	for _, c := range event.ItemColumns {
		if c.Kind() == event.Text {
			add("items."+c.String(), schema.Texts, "Per item.", fillItemTexts(c))
		} else {
			add("items."+c.String(), schema.Moneys, "Per item.", fillItemMoneys(c))
		}
	}
	add("attributes", schema.Map, "Everything else that the event carried.", fillAttrs)
	return t, fills
}

func identOf(c event.Column) event.Ident {
	for k, col := range event.IdentColumns {
		if col == c {
			return event.Ident(k)
		}
	}
	return 0
}

// columnType is the table type of an event column.
func columnType(c event.Column) schema.Type {
	switch c.Kind() {
	case event.Time:
		return schema.Time
	case event.Money:
		return schema.Money
	case event.Number:
		return schema.Int
	case event.Float:
		return schema.Float
	case event.Flag:
		return schema.Flag
	}
	switch c {
	case event.Event, event.Channel, event.DeviceType, event.Locale, event.Country, event.City, event.TimeZone,
		event.Campaign, event.CampaignSource, event.CampaignMedium, event.Category, event.Brand, event.Currency,
		event.Fulfilment, event.StoreID, event.ZoneID, event.SensorID, event.FormID, event.Field, event.Topic,
		event.Reason, event.SurveyID, event.Status, event.Purpose, event.Template, event.Step:
		return schema.LowText
	}
	return schema.Text
}

func columnDoc(c event.Column) string {
	if c == event.Amount {
		return "The event's own total, else the sum of its items."
	}
	return "Field " + c.String() + " of the event."
}

// writeEvents adds the piece's rows to the events table.
func writeEvents(out *schema.Rows, p *piece, origins []event.Origin) {
	if len(p.rows) == 0 {
		return
	}
	out.Packed = true
	for i, fill := range eventsFills {
		fill(&out.Cols[i], out, p, origins)
	}
	out.N += len(p.rows)
}
