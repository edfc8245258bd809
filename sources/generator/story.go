package generator

import "math"

// lag says how long before the purchase a touch was.
type lag uint8

const (
	lagInStore lag = 1 << iota
	lagOnTheWay
	lag1d
	lag2d
	lag7d // comes with lag2d
)

// span sums up the touches of one kind.
type span struct {
	first, last int64
	count       int
	lags        lag
	device      int8 // of the last one
}

func (s *span) add(at int64, l lag, device int) {
	if s.count == 0 {
		s.first = at
	}
	s.last, s.device = at, int8(device)
	s.count++
	s.lags |= l
}

const maxItems = 3

// line is a product with its number of units.
type line struct {
	product  int
	quantity int
}

// item is what a story is about: a product, and how it was met before it was
// bought. The items of a story are of different categories.
type item struct {
	line
	category int
	// seen is what is looked at instead when the research is about another
	// product of the category; else the product itself.
	seen int
	// touches of the product and of other products of its category.
	onlineSKU, onlineCategory, offlineSKU, offlineCategory span
}

// cart is an episode: what abandonment is about.
type cart struct {
	number              uint64
	device              int
	opened, last        int64
	isCheckout          bool
	lines, units        int
	cents               int64
	recovers, isExpired bool // what a left cart comes to, as far as can be known
}

// story is what a customer lives through in a few scenes.
type story struct {
	person int32
	scenes int32 // still to be expanded
	items  [maxItems]item
	count  int
	// isKnown says that the devices on which the research took place are, or
	// will be, known to be the customer's.
	isKnown bool
	// left waits for the scene that closes it.
	left    cart
	hasLeft bool
	// order is the number of the order to be collected.
	order uint64
}

// touchProduct notes a touch of a product.
func (st *story) touchProduct(online bool, product int, at int64, l lag, device int) {
	for i := range st.items[:st.count] {
		it := &st.items[i]
		if it.category != product/productsPerCat {
			continue
		}
		sku, category := &it.offlineSKU, &it.offlineCategory
		if online {
			sku, category = &it.onlineSKU, &it.onlineCategory
		}
		if it.product == product {
			sku.add(at, l, device)
		}
		category.add(at, l, device)
	}
}

// touchCategory notes a touch of a category as such.
func (st *story) touchCategory(online bool, category int, at int64, l lag, device int) {
	for i := range st.items[:st.count] {
		it := &st.items[i]
		if it.category != category {
			continue
		}
		if online {
			it.onlineCategory.add(at, l, device)
		} else {
			it.offlineCategory.add(at, l, device)
		}
	}
}

// Kinds of scenes.
const (
	sceneShop = iota
	sceneVisit
	sceneCall
	sceneParcel
	scenePickupReady
	scenePickupExpired
	sceneRefund
	sceneCancel
	sceneCaseClosed
	sceneSurvey
	sceneCRM
	sceneBot
	sceneCounter
	sceneStaff
)

// What happens in a scene.
const (
	doResearch = 1 << iota
	doShort    // the research takes less than twelve minutes
	doAdd
	doEmpty
	doCheckout // is begun and left
	doReturn   // to the cart that was left
	doBuy
	doPickup // the order is to be collected
	doLogin  // at the end
	doForm
	doLeaveForm
	doCallback
	doPhone   // is carried and seen in the store
	doTryOn   // the product's tag is read
	doApp     // the app is used in the store
	doCollect // the order of the story
	doTill    // pays for the left cart
	doComplain
	doOutbound
	doLeave // the cart
	doFast  // a bot faster than people
)

// plan is a scene to come.
type plan struct {
	at     int64
	seq    uint64
	ref    uint64
	value  int64
	person int32
	story  int32
	flags  uint32
	kind   uint8
	device int8
	store  int8
	step   uint8
	lag    lag
	till   uint8
}

const noStory = -1

// draft is a story on paper: its plans count only when it is committed.
type draft struct {
	w      *World
	d      *dice
	p      *person
	person int32
	day    int
	st     story
	plans  [8]plan
	count  int
	busy   int64
}

func (w *World) newDraft(d *dice, person int32, n int) draft {
	return draft{w: w, d: d, p: &w.people[person], person: person, day: n, busy: math.MinInt64, st: story{person: person}}
}

// item adds a product of a category that is fresh on the story's first day.
func (f *draft) item() bool {
	if f.st.count == maxItems {
		return true
	}
	c, ok := f.p.freshCategory(f.d, f.day)
	if !ok {
		return false
	}
	for _, it := range f.st.items[:f.st.count] {
		if it.category == c {
			return f.st.count > 0
		}
	}
	product := f.w.catalog.inCategory(f.d, c)
	quantity := 1
	if f.d.permille(150) {
		quantity = 2 + f.d.below(maxItemQuantity-1)
	}
	f.st.items[f.st.count] = item{line: line{product, quantity}, category: c, seen: product}
	f.st.count++
	return true
}

// items adds one product and now and then some more.
func (f *draft) items() bool {
	ok := f.item()
	for ok && f.d.permille(350) && f.st.count < maxItems {
		f.item()
	}
	return ok
}

// scene adds a scene.
func (f *draft) scene(kind uint8, at int64, device int, flags uint32) *plan {
	pl := &f.plans[f.count]
	*pl = plan{at: at, kind: kind, device: int8(device), flags: flags, person: f.person, store: int8(f.p.home)}
	f.count++
	f.busy = max(f.busy, at)
	return pl
}

// later finds a time at least lo and at most hi after from, by the rhythm of
// stores or of online use.
func (f *draft) later(from, lo, hi int64, inStore bool) (int64, bool) {
	first, last := int((from+lo-f.w.opt.StartMS)/day), int((from+hi-f.w.opt.StartMS)/day)
	for range 12 {
		n := first + f.d.below(last-first+1)
		at := f.w.onlineTime(f.d, n)
		if inStore {
			at = f.w.storeTime(f.d, n)
		}
		if at-from >= lo && at-from <= hi {
			return at, true
		}
	}
	return 0, false
}

// commit makes the story happen if it ends within the world.
func (f *draft) commit() bool {
	if f.busy+3*hour > f.w.end {
		return false
	}
	id := f.w.newStory()
	f.st.scenes = int32(f.count)
	f.w.stories[id] = f.st
	lastDay := int((f.busy - f.w.opt.StartMS) / day)
	for _, it := range f.st.items[:f.st.count] {
		f.p.markTouched(it.category, lastDay)
	}
	f.p.busyUntil = f.busy + 2*hour
	for _, pl := range f.plans[:f.count] {
		pl.story = id
		f.w.push(pl)
	}
	return true
}
