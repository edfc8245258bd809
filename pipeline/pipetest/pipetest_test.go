package pipetest

import (
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

var seen = &schema.Table{
	Name: "seen",
	Columns: []schema.Column{
		{Name: "at", Type: schema.Time}, {Name: "name", Type: schema.Text}, {Name: "profile_id", Type: schema.Text},
		{Name: "price", Type: schema.Money}, {Name: "items", Type: schema.Int}, {Name: "is_late", Type: schema.Flag},
		{Name: "colour", Type: schema.Text},
	},
}

// witness writes down what it is handed.
type witness struct{ order pipeline.Order }

func (w witness) Name() string                       { return "witness" }
func (w witness) Takes(b *event.Batch, row int) bool { return true }
func (w witness) NewShard(int) pipeline.Shard        { return w }
func (w witness) Advance(t *pipeline.Turn)           {}
func (w witness) State(*flat.Parts)                  {}
func (w witness) Entries() int                       { return 0 }
func (w witness) Bytes() int                         { return 0 }
func (w witness) Fold(t *pipeline.Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		out := t.Out(0)
		out.Begin()
		out.Time(b.Time(row))
		out.Text(b.Text(event.Event, row))
		out.Text(b.Profile[row].AppendHex(nil))
		out.Money(b.Num(event.Price, row))
		out.Int(int64(b.Head[row].ItemCount))
		out.Flag(b.IsLate(row))
		out.Text(b.Attr("colour", row))
		out.End()
	}
}

func (w witness) Spec() pipeline.Spec {
	return pipeline.Spec{
		Key: pipeline.ByProfile, Order: w.order, Tables: []*schema.Table{seen},
		Needs: event.Want{Columns: event.SetOf(event.Price), Items: true, Attrs: []string{"colour"}},
	}
}

const script = `
# Order of arrival is not order of time.
10:00:05 Product Added profile=ann price=9.99 @colour=red
10:00:03 page profile=ann @size=big
10:00:05 Product Viewed profile=ann
10:00:20 Order Completed profile=bob items=p1:2:9.99,p2
merge bob ann
10:00:06 page profile=bob
`

func TestRun(t *testing.T) {
	l, err := Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	f := func(order pipeline.Order, o Options, want string) {
		t.Helper()
		if got := Run(t, witness{order}, l, o).Emitted(); got != strings.TrimLeft(want, "\n") {
			t.Errorf("%+v:\n%s", o, got)
		}
	}
	f(pipeline.InTime, Options{Lag: 10_000}, `
seen: at=10:00:03 name=page profile_id=ann
seen: at=10:00:05 name="Product Viewed" profile_id=ann
seen: at=10:00:05 name="Product Added" profile_id=ann price=9.99 colour=red
seen: at=10:00:06 name=page profile_id=ann is_late=true
seen: at=10:00:20 name="Order Completed" profile_id=ann items=2
`)
	f(pipeline.Arrival, Options{Lag: 10_000, Step: 1}, `
seen: at=10:00:05 name="Product Added" profile_id=ann price=9.99 colour=red
seen: at=10:00:03 name=page profile_id=ann
seen: at=10:00:05 name="Product Viewed" profile_id=ann
seen: at=10:00:20 name="Order Completed" profile_id=bob items=2
seen: at=10:00:06 name=page profile_id=ann is_late=true
`)
}

func TestParseFaults(t *testing.T) {
	f := func(line string) {
		t.Helper()
		if _, err := Parse(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	f("10 page")
	f("10:00 page colour=red")
	f(`10:00 page page_path="/a`)
	f("watermark soon")
}
