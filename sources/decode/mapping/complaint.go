package mapping

import (
	"fmt"
	"math"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/sources/decode"
)

var nan = math.NaN()

// complain notes what is wrong with the event at hand; it returns false.
func (d *decoder) complain(code event.ReasonCode, o *op, what string) bool {
	d.code, d.complaint = code, d.subject(o)+" "+what
	return false
}

// complainText is complain with the text that is wrong, cut to 100 bytes.
func (d *decoder) complainText(code event.ReasonCode, subject string, text []byte, what string) bool {
	d.code, d.complaint = code, fmt.Sprintf("%s: %q %s", subject, decode.Cut(text), what)
	return false
}

// subject names a field and where it comes from.
func (d *decoder) subject(o *op) string {
	if len(o.paths) == 0 {
		return o.name
	}
	what := "field"
	if d.cfg.IsCSV() {
		what = "column"
	}
	return fmt.Sprintf("%s (%s %s)", o.name, what, strings.Join(o.paths, ", "))
}

// isKept asks where about the event whose cells are filled.
func (d *decoder) isKept() bool { return d.eval.Keep(d.field) }

// fieldValue gives a field of the condition.
func (d *decoder) fieldValue(i int) ([]byte, filter.FieldKind) {
	slot := d.plan.where[i]
	v := d.cells[slot]
	switch v.Kind {
	case decode.Missing, decode.Null:
		return nil, filter.Missing
	case decode.Number:
		return d.b.Arena[v.Off : v.Off+v.Len], filter.Number
	case decode.True, decode.False:
		return d.b.Arena[v.Off : v.Off+v.Len], filter.Bool
	}
	return d.b.Bytes(d.clean(slot)), filter.Text
}
