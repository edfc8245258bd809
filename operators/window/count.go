package window

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// count counts units, or those with a value.
type count struct {
	feed *feed
	has  bool
}

func newCount(c *call, f *feed) aggregate { return &count{f, c.has} }

func (a *count) width() int            { return 1 }
func (a *count) column() schema.Column { return schema.Column{Type: schema.Int} }

func (a *count) add(_ *store, u *units, at int) {
	switch {
	case !a.has:
		for _, c := range u.cells {
			c[at]++
		}
	case a.feed.kind == event.Text:
		for i, v := range a.feed.bytes(u) {
			if len(v) > 0 {
				u.cells[i][at]++
			}
		}
	default:
		for i, v := range a.feed.ordered(u) {
			if v != event.Absent {
				u.cells[i][at]++
			}
		}
	}
}

func (a *count) merge(_ *store, into, from []int64)          { into[0] += from[0] }
func (a *count) free(*store, []int64)                        {}
func (a *count) write(_ *store, c []int64, out *schema.Rows) { out.Int(c[0]) }
