package segment

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// program is what messages of one shape and one call become: which value goes to
// which column, with all choices made that do not depend on the values
// themselves. It leaves whatever is not plain to the way over cells: a message
// that may be a fault has no program, and a program that meets one gives up.
type program struct {
	// rows: there is a program at all.
	rows bool

	texts   []textOp
	amounts []numberOp // of JSON numbers
	others  []numberOp
	time    int32 // values; -1 for none
	event   int32
	// hasOwnTime: the time is not one that a batch may lend.
	hasOwnTime bool

	channelWord int32 // the library's channel
	deviceType  int32
	userAgent   int32
	path, url   int32

	goods []itemOp // of the products
	attrs []attrOp
}

type textOp struct {
	column event.Column
	value  int32
}

// numberOp reads a value that may not fit its column.
type numberOp struct {
	column  event.Column
	value   int32
	lenient bool
}

type itemOp struct {
	column      event.Column
	item, value int32
}

// attrOp adds an attribute: named by the value's own key, by name, or group_id.
type attrOp struct {
	value   int32
	name    string
	isGroup bool
	// column, if not 0, is the one that must be absent.
	column event.Column
}

// programs are those of a shape, by call.
type programs struct {
	kind int32 // the value that names the call; -1: it is a track call
	of   [len(kindNames)]*program
}

// compiler makes the program of a shape.
type compiler struct {
	plan   *plan
	want   *event.Want
	parts  []decode.Part
	values []decode.Span
	arena  []byte
	bySlot []int32 // the part at a slot; -1: none
}

func (d *decoder) newCompiler(g *decode.Gatherer, s *decode.Shape) *compiler {
	c := &compiler{plan: d.plan, want: &d.Batch.Want, parts: s.Parts, values: g.Spans(s), arena: d.Batch.Arena}
	c.bySlot = make([]int32, d.plan.slots)
	for i := range c.bySlot {
		c.bySlot[i] = -1
	}
	for i, p := range s.Parts {
		if p.Slot >= 0 && p.Item < 0 {
			c.bySlot[p.Slot] = int32(i)
		}
	}
	return c
}

// isThere reports whether a part counts as a value.
func isThere(p *decode.Part) bool { return p.Kind != decode.Null && !p.IsEmpty }

// first gives the first of the slots whose value is there, -1 if none is.
func (c *compiler) first(slots ...int32) int32 {
	for _, s := range slots {
		if i := c.bySlot[s]; i >= 0 && isThere(&c.parts[i]) {
			return i
		}
	}
	return -1
}

// scalar is first, but -1 if that is an object or an array.
func (c *compiler) scalar(slots ...int32) int32 {
	if i := c.first(slots...); i >= 0 && c.parts[i].Kind < decode.Object {
		return i
	}
	return -1
}

// compile follows message: what is done there for every message is done here
// once, what depends on values becomes a step of the program.
func (c *compiler) compile(kind call) *program {
	q, p := &program{event: -1, channelWord: -1, deviceType: -1, userAgent: -1, path: -1, url: -1}, c.plan
	if c.first(p.batch) >= 0 {
		return q
	}
	if kind == track {
		if q.event = c.scalar(p.event); q.event < 0 {
			return q
		}
	}
	if q.time = c.first(p.timestamp, p.original, p.sentAt, p.receivedAt); q.time < 0 || c.parts[q.time].Kind != decode.String {
		return q
	}
	q.hasOwnTime = c.first(p.timestamp, p.original) == q.time
	q.rows = c.columns(q, kind) && c.goods(q)
	c.special(q, kind)
	if c.want.AllAttrs || len(c.want.Attrs) > 0 {
		c.attributes(q, kind)
	}
	return q
}

// columns does the columns of the table.
func (c *compiler) columns(q *program, kind call) bool {
	for i := range c.plan.rules {
		r := &c.plan.rules[i]
		v := c.first(r.slotsFor(kind == page || kind == screen)...)
		if v < 0 {
			continue
		}
		part := &c.parts[v]
		switch {
		case part.Kind >= decode.Object && r.lenient:
		case part.Kind >= decode.Object:
			return false
		case r.column.Kind() == event.Text:
			q.texts = append(q.texts, textOp{r.column, v})
		case r.column.Kind() == event.Money && part.Kind == decode.Number:
			q.amounts = append(q.amounts, numberOp{column: r.column, value: v})
		default:
			q.others = append(q.others, numberOp{r.column, v, r.lenient})
		}
	}
	return true
}

// goods does the products.
func (c *compiler) goods(q *program) bool {
	p := c.plan
	if p.products < 0 {
		return true
	}
	if c.first(p.products) >= 0 {
		return false // no array
	}
	first, last := p.item.Bounds()
	at := make([]int32, last-first)
	for i := 0; i < len(c.parts); {
		item := c.parts[i].Item
		if item < 0 {
			i++
			continue
		}
		for k := range at {
			at[k] = -1
		}
		for ; i < len(c.parts) && c.parts[i].Item == item; i++ {
			if slot := c.parts[i].Slot; slot >= 0 && isThere(&c.parts[i]) {
				at[slot-first] = int32(i)
			}
		}
		for k := range p.items {
			r := &p.items[k]
			for _, slot := range r.slots {
				v := at[slot-first]
				if v < 0 {
					continue
				}
				if c.parts[v].Kind >= decode.Object {
					return false
				}
				q.goods = append(q.goods, itemOp{r.column, item, v})
				break
			}
		}
	}
	return true
}

// special does the columns that need more than the first value that is there.
func (c *compiler) special(q *program, kind call) {
	p := c.plan
	if kind == alias && c.want.Columns.Has(event.AnonymousID) && !q.sets(event.AnonymousID) {
		q.text(event.AnonymousID, c.scalar(p.previous))
	}
	if p.channel != nil {
		if v := c.scalar(p.channels...); v >= 0 {
			q.text(event.Channel, v)
		} else {
			q.channelWord = c.scalar(p.channel...)
		}
	}
	if p.deviceType != nil {
		for _, slot := range p.deviceType {
			if q.deviceType < 0 {
				q.deviceType = c.scalar(slot)
			}
		}
		if q.deviceType < 0 {
			q.userAgent = c.scalar(p.userAgent...)
		}
	}
	if p.path != nil {
		path, url := p.path, p.url
		if kind == page || kind == screen {
			path, url = p.pagePath, p.pageURL
		}
		if q.path = c.scalar(path...); q.path < 0 {
			q.url = c.scalar(url...)
		}
		if q.path < 0 && q.url < 0 && kind == screen {
			q.text(event.PagePath, c.scalar(p.name))
		}
	}
}

func (q *program) text(column event.Column, value int32) {
	if value >= 0 {
		q.texts = append(q.texts, textOp{column, value})
	}
}

func (q *program) sets(column event.Column) bool {
	for _, t := range q.texts {
		if t.column == column {
			return true
		}
	}
	return false
}

// attributes does what the table leaves over.
func (c *compiler) attributes(q *program, kind call) {
	p := c.plan
	for i := range c.parts {
		if part := &c.parts[i]; c.isWanted(part, kind) && isThere(part) && part.Kind < decode.Object && !c.comesAgain(i, kind) {
			q.attrs = append(q.attrs, attrOp{value: int32(i)})
		}
	}
	for i := range p.rules {
		r := &p.rules[i]
		if r.lenient && r.column.Kind() != event.Text {
			q.attr(c, attrOp{value: c.scalar(r.slots...), name: r.column.String(), column: r.column})
		}
	}
	isPage := kind == page || kind == screen
	for i := range p.leftovers {
		l := &p.leftovers[i]
		v := c.scalar(l.slot)
		if v >= 0 && !(isPage && l.isPage) && (l.rule == nil || c.first(l.rule.slotsFor(isPage)...) != v) {
			q.attr(c, attrOp{value: v, name: l.name})
		}
	}
	if kind == group {
		q.attr(c, attrOp{value: c.scalar(p.group), name: "group_id", isGroup: true})
	}
}

func (q *program) attr(c *compiler, a attrOp) {
	if a.value >= 0 && c.want.WantsAttr([]byte(a.name)) {
		q.attrs = append(q.attrs, a)
	}
}

func (c *compiler) key(i int) []byte {
	k := c.parts[i].Key(c.values[i].Str().Off)
	return c.arena[k.Off : k.Off+k.Len]
}

// isWanted reports whether a part is kept beside the table and may be an
// attribute of the call.
func (c *compiler) isWanted(part *decode.Part, kind call) bool {
	return part.Rest == restOfProperties || part.Rest == restOfTraits && (kind == identify || kind == group)
}

// comesAgain reports whether the part's key is none, not wanted, or that of a
// later one.
func (c *compiler) comesAgain(i int, kind call) bool {
	key := c.key(i)
	if len(key) == 0 || !c.want.WantsAttr(key) {
		return true
	}
	for k := i + 1; k < len(c.parts); k++ {
		if c.isWanted(&c.parts[k], kind) && string(c.key(k)) == string(key) {
			return true
		}
	}
	return false
}
