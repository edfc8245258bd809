package generator

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// Tables of the truth.
const (
	tableOrders = iota
	tableCarts
	tableForms
	tableSessions
	tableVisits
	tablePresence
	tablePickups
	tablePeople
	tableSummary
	numTables
)

var truthTables = [numTables]struct{ name, header string }{
	{"orders", "order_id,product_id,person,channel,store_id,ordered_at,fulfilment,identified_by,direction,true_direction,match_level,touches,first_touch_at,last_touch_at,lag_in_store,lag_on_the_way,lag_1d,lag_2d_plus,lag_7d_plus,research_device,quantity,revenue,currency,refunded,cancelled,ambiguous"},
	{"carts", "cart_id,person,device,device_key,stage,opened_at,last_activity_at,due_at,items,products,value,currency,left,outcome,closed_at,closed_by_channel,recovered_revenue"},
	{"forms", "form_id,person,device_key,opened_at,last_activity_at,last_field,left"},
	{"sessions", "device_key,channel,start,end,events,orders,revenue,is_bot,late,too_late"},
	{"visits", "person,store_id,device_id,seen_by,entered_at,exited_at,orders,revenue"},
	{"presence", "store_id,zone_id,device_id,seen_by,from,to"},
	{"pickups", "order_id,person,store_id,at,state"},
	{"people", "person,kind,home_store,user_id,email,phone,loyalty_id,payment_token,device_id,devices,linked_devices"},
	{"summary", "name,count"},
}

// Outcomes of a cart.
const (
	// outcomeExpired: left, fired, and nobody known came back.
	outcomeExpired = "expired"
	// outcomeRecovered: left, fired, and bought later.
	outcomeRecovered = "recovered"
	// outcomeEmptied and outcomeCancelled end a cart before it is due: all is
	// taken out, or it is bought.
	outcomeEmptied   = "emptied"
	outcomeCancelled = "cancelled"
)

// Truth writes what a world made true as CSV files. A nil Truth writes nothing.
//
//   - orders: a row per order and product. direction and the columns of touches
//     are what ropo is to say in the end; true_direction is what the person
//     did, also where no link gives it away.
//   - carts: a row per episode of a cart. stage is the deepest, due_at follows
//     from 1h after the last activity of a cart and 30m of a checkout.
//   - forms: a row per form that was begun.
//   - sessions: a row per session of a device; events are without the too_late
//     ones, which no session takes, and include the late ones, which it does.
//   - visits: everybody in a store, seen or not.
//   - presence: phones in zones. Of `zones` the times are exact; a `beacon` or
//     `wifi` phone is where its signals say, within their intervals of up to
//     11 s and 60 s and the two readings that a switch takes.
//   - pickups: each stage of an order that is to be collected.
//   - people: who is who, and which devices are known to be theirs at the end.
//   - summary: counts of records.
type Truth struct {
	files [numTables]*os.File
	out   [numTables]*bufio.Writer
	row   []byte
	stamp stamp
}

// CreateTruth makes the folder and its files; older ones are overwritten.
func CreateTruth(dir string) (*Truth, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	t := new(Truth)
	for i, table := range truthTables {
		f, err := os.Create(filepath.Join(dir, table.name+".csv"))
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		t.files[i], t.out[i] = f, bufio.NewWriterSize(f, 1<<16)
		t.row = append(append(t.row[:0], table.header...), '\n')
		t.end(i)
	}
	return t, nil
}

// Close writes what is buffered; its error tells of any write before, too.
func (t *Truth) Close() error {
	var faults []error
	for i, f := range t.files {
		if f != nil {
			faults = append(faults, t.out[i].Flush(), f.Close())
		}
	}
	return errors.Join(faults...)
}

// begin starts a row, end writes it. The writer keeps its first error for Close.
func (t *Truth) begin() { t.row = t.row[:0] }

func (t *Truth) end(table int) {
	if n := len(t.row); n > 0 && t.row[n-1] == ',' {
		t.row[n-1] = '\n'
	}
	_, _ = t.out[table].Write(t.row)
}

func (t *Truth) text(s string)  { t.row = append(append(t.row, s...), ',') }
func (t *Truth) bytes(b []byte) { t.row = append(append(t.row, b...), ',') }
func (t *Truth) number(n int64) { t.row = append(strconv.AppendInt(t.row, n, 10), ',') }
func (t *Truth) cents(n int64)  { t.row = append(appendCents(t.row, n), ',') }

// time writes nothing for 0.
func (t *Truth) time(at int64) {
	if at != 0 {
		t.row = t.stamp.append(t.row, at)
	}
	t.row = append(t.row, ',')
}

func (t *Truth) flag(b bool) { t.row = append(strconv.AppendBool(t.row, b), ',') }

func (t *Truth) ref(prefix string, n uint64) {
	t.row = append(strconv.AppendUint(append(t.row, prefix...), n, 10), ',')
}

func (t *Truth) order(c *script, a *act, it *item, v verdict, f fate) {
	if t == nil {
		return
	}
	t.begin()
	t.ref("O-", a.ref)
	t.text(c.w.catalog.products[it.product].id)
	t.number(int64(c.pl.person))
	t.text(topics[a.topic])
	if a.topic == topicPOS || a.detail == "pickup" {
		t.text(stores[a.store].id)
	} else {
		t.text("")
	}
	t.time(a.at)
	t.text(a.detail)
	t.text(tillNames[a.till])
	t.text(v.direction)
	t.text(v.trueDirection)
	t.text(v.level)
	t.number(int64(v.touches.count))
	t.time(v.touches.first)
	t.time(v.touches.last)
	for _, l := range [...]lag{lagInStore, lagOnTheWay, lag1d, lag2d, lag7d} {
		t.flag(v.touches.lags&l != 0)
	}
	if v.touches.count > 0 && v.touches.device >= 0 {
		t.text(deviceNames[v.touches.device])
	} else {
		t.text("")
	}
	t.number(int64(it.quantity))
	t.cents(int64(it.quantity) * c.w.catalog.products[it.product].cents)
	t.text(currency)
	t.flag(f.isRefunded)
	t.flag(f.isCancelled)
	t.flag(f.isCancelled)
	t.end(tableOrders)
}

func (t *Truth) cart(c *script, k *cart, outcome string, how closing) {
	if t == nil {
		return
	}
	stage, after := "cart", hour
	if k.isCheckout {
		stage, after = "checkout", 30*minute
	}
	left := outcome == outcomeExpired || outcome == outcomeRecovered
	t.begin()
	t.ref("C-", k.number)
	t.number(int64(c.pl.person))
	t.text(deviceNames[k.device])
	t.anonymous(c.w, c.pl.person, k.device)
	t.text(stage)
	t.time(k.opened)
	t.time(k.last)
	t.time(k.last + after)
	t.number(int64(k.units))
	t.number(int64(k.lines))
	t.cents(k.cents)
	t.text(currency)
	t.flag(left)
	t.text(outcome)
	t.time(how.at)
	t.text(how.channel)
	t.cents(how.cents)
	t.end(tableCarts)
}

func (t *Truth) anonymous(w *World, person int32, device int) {
	t.row = append(t.row, "anonymous_id:"...)
	t.row = append(w.appendAnonymous(t.row, person, device), ',')
}

func (t *Truth) form(c *script, opened, last int64, field string, left bool) {
	if t == nil {
		return
	}
	t.begin()
	t.text("contact")
	t.number(int64(c.pl.person))
	t.anonymous(c.w, c.pl.person, c.device)
	t.time(opened)
	t.time(last)
	t.text(field)
	t.flag(left)
	t.end(tableForms)
}

func (t *Truth) visit(c *script, seen int, entered, exited int64) {
	if t == nil {
		return
	}
	t.begin()
	t.number(int64(c.pl.person))
	t.text(stores[c.pl.store].id)
	t.bytes(c.s.phone)
	t.text(seenNames[seen])
	t.time(entered)
	t.time(exited)
	t.number(int64(c.orders))
	t.cents(c.cents)
	t.end(tableVisits)
}

// presence is written for phones only: nobody else is seen in a zone.
func (t *Truth) presence(c *script, seen, zone int, from, to int64) {
	if t == nil || len(c.s.phone) == 0 {
		return
	}
	t.begin()
	t.text(stores[c.pl.store].id)
	t.row = append(appendZoneID(t.row, int(c.pl.store), zone), ',')
	t.bytes(c.s.phone)
	t.text(seenNames[seen])
	t.time(from)
	t.time(to)
	t.end(tablePresence)
}

func (t *Truth) pickup(c *script, state string) {
	if t == nil {
		return
	}
	t.begin()
	t.ref("O-", c.st.order)
	t.number(int64(c.pl.person))
	t.text(stores[c.pl.store].id)
	t.time(c.t)
	t.text(state)
	t.end(tablePickups)
}

// finish writes the tables that are known at the end only.
func (t *Truth) finish(w *World) {
	if t == nil {
		return
	}
	for i := range w.people {
		t.person(w, int32(i))
	}
	t.sum("records", w.count.records)
	t.sum("events", w.count.records-w.count.duplicates-w.count.badNumber)
	t.sum("duplicates", w.count.duplicates)
	for way, n := range w.count.bad {
		t.sum("dead_letters_"+badNames[way], n)
	}
	t.sum("late", w.count.late)
	t.sum("too_late", w.count.tooLate)
}

func (t *Truth) sum(name string, n uint64) {
	t.begin()
	t.text(name)
	t.ref("", n)
	t.end(tableSummary)
}

func (t *Truth) person(w *World, i int32) {
	p := &w.people[i]
	t.begin()
	t.number(int64(i))
	t.text(personKinds[p.kind])
	t.text(stores[p.home].id)
	isRegistered := p.kind == registered
	field := func(is bool, write func([]byte, int32) []byte) {
		if is {
			t.row = write(t.row, i)
		}
		t.row = append(t.row, ',')
	}
	field(isRegistered && p.joined, w.appendUser)
	field((isRegistered || p.kind == guest) && p.joined, w.appendEmail)
	field(isRegistered && p.joined, w.appendPhone)
	field(isRegistered && p.joined && p.hasCard || p.kind == cardOnly, w.appendCard)
	field(p.tokenKnown, w.appendToken)
	field(p.has(deviceApp), w.appendPhoneDevice)
	for _, mask := range [...]uint8{p.owns, p.owns & p.linked} {
		for s := range numDevices {
			if mask&(1<<s) == 0 {
				continue
			}
			t.row = append(append(t.row, deviceNames[s]...), ':')
			t.row = append(w.appendAnonymous(t.row, i, s), ' ')
		}
		if n := len(t.row); t.row[n-1] == ' ' {
			t.row = t.row[:n-1]
		}
		t.row = append(t.row, ',')
	}
	t.end(tablePeople)
}
