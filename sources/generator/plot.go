package generator

// Kinds of stories.
const (
	plotBrowse = iota
	plotBuyOnline
	plotLeaveCart
	plotROPO
	plotShowroom
	plotBuyInStore
	plotLookInStore
	plotForm
	plotCall
	numPlots
)

// plotWeights are the habits of each kind of person.
var plotWeights = [...][numPlots]int{
	registered: {26, 15, 13, 14, 7, 9, 7, 4, 5},
	guest:      {38, 14, 15, 9, 0, 9, 7, 4, 2},
	cardOnly:   {28, 0, 6, 14, 0, 36, 14, 2, 0},
	stranger:   {0, 0, 0, 0, 0, 55, 45, 0, 0},
}

const storyPermille = 240 // of the idle customers begin one on an average day

// planDay lets idle customers begin their stories.
func (w *World) planDay(n int) {
	start := w.dayStart(n)
	wd := weekday(start)
	for i := range w.people {
		p := &w.people[i]
		if p.busyUntil > start {
			continue
		}
		d := newDice(w.opt.Seed, mix3(2, uint64(i), uint64(n)))
		if !d.permille(storyPermille * dayWeight[wd] / 100) {
			continue
		}
		w.begin(&d, int32(i), n, w.choosePlot(&d, p, start, wd))
	}
	w.planServices(n)
}

func (w *World) choosePlot(d *dice, p *person, start int64, wd int) int {
	if p.kind == registered && !p.joined {
		return plotBrowse
	}
	weights := plotWeights[p.kind]
	for _, k := range [...]int{plotROPO, plotShowroom, plotBuyInStore, plotLookInStore} {
		weights[k] = weights[k] * storeWeight[wd] / 10
	}
	for _, k := range [...]int{plotBrowse, plotBuyOnline, plotLeaveCart, plotForm, plotCall} {
		weights[k] *= 10
	}
	if p.orderFrom > start {
		for _, k := range [...]int{plotBuyOnline, plotLeaveCart, plotROPO, plotShowroom, plotBuyInStore} {
			weights[k] = 0
		}
	}
	return d.pick(weights[:])
}

// begin tries the plot; where it does not fit the person or the time that is
// left, the person only browses or looks around.
func (w *World) begin(d *dice, person int32, n, plot int) {
	f := w.newDraft(d, person, n)
	ok := false
	switch plot {
	case plotBuyOnline:
		ok = f.buyOnline()
	case plotLeaveCart:
		ok = f.leaveCart()
	case plotROPO:
		ok = f.ropo()
	case plotShowroom:
		ok = f.showroom()
	case plotBuyInStore:
		ok = f.buyInStore()
	case plotForm:
		ok = f.form()
	case plotCall:
		ok = f.call()
	case plotLookInStore:
		ok = f.lookInStore()
	}
	if ok {
		return
	}
	f = w.newDraft(d, person, n)
	if w.people[person].kind == stranger {
		f.lookInStore()
		return
	}
	f.browse()
}

func (f *draft) browse() bool {
	device := f.p.pickDevice(f.d)
	flags := uint32(doResearch)
	if f.p.kind == registered && !f.p.joined {
		flags |= doLogin
	}
	if !f.item() {
		flags &^= doResearch
	}
	f.scene(sceneShop, f.w.onlineTime(f.d, f.day), device, flags)
	return f.commit()
}

func (f *draft) buyOnline() bool {
	device := f.p.pickOrderDevice(f.d)
	if device == noDevice || !f.items() {
		return false
	}
	at := f.w.onlineTime(f.d, f.day)
	if f.d.permille(400) {
		f.scene(sceneShop, at, f.p.pickDevice(f.d), doResearch)
		later, ok := f.later(at, 3*hour, 90*hour, false)
		if !ok {
			return false
		}
		at = later
	}
	order := f.scene(sceneShop, at, device, doResearch|doAdd|doBuy)
	if f.d.permille(250) {
		order.flags |= doPickup
		return f.collect(at) && f.commit()
	}
	return f.commit()
}

// collect plans the pickup of an order placed at the time.
func (f *draft) collect(ordered int64) bool {
	ready := f.w.inOpening(ordered + f.d.between(60*minute, 110*minute))
	f.scene(scenePickupReady, ready, noDevice, 0)
	if f.d.permille(80) {
		f.scene(scenePickupExpired, ready+73*hour, noDevice, 0)
		return true
	}
	at, ok := f.later(ready, 90*minute, 60*hour, true)
	if !ok {
		return false
	}
	f.scene(sceneVisit, at, noDevice, doCollect|f.phone())
	return true
}

// phone says whether the person's phone is seen by the store.
func (f *draft) phone() uint32 {
	if f.p.has(deviceApp) && f.d.permille(800) {
		return doPhone
	}
	return 0
}

func (f *draft) leaveCart() bool {
	device := f.p.pickDevice(f.d)
	if !f.items() {
		return false
	}
	at := f.w.onlineTime(f.d, f.day)
	first := f.scene(sceneShop, at, device, doResearch|doAdd|doLeave)
	if f.p.canOrder(device) && f.d.permille(400) {
		first.flags |= doCheckout
	}
	switch f.d.pick([]int{45, 12, 23, 20}) {
	case 0:
		f.st.left.isExpired = true
		if !f.commit() {
			return false
		}
		f.p.orderFrom = at + 8*day + 4*hour
		return true
	case 1:
		first.flags = doResearch | doAdd | doEmpty
		return f.commit()
	case 2:
		back, ok := f.later(at, 3*hour, 110*hour, false)
		if !ok || !f.p.canOrder(device) {
			return false
		}
		f.st.left.recovers = true
		f.scene(sceneShop, back, device, doReturn|doBuy)
		return f.commit()
	}
	return f.closeAtTill(at, device)
}

// closeAtTill plans the visit in which the left cart is paid for.
func (f *draft) closeAtTill(at int64, device int) bool {
	known := f.p.isLinked(device) || f.p.kind == registered && f.p.login[device] == loginFirst
	if !known && f.p.canOrder(device) {
		// A link that comes after the purchase would leave it open what becomes
		// of the cart.
		return false
	}
	class := f.d.pick([]int{60, 40})
	lo, hi, l := 4*hour, 40*hour, lag1d
	if class == 1 {
		lo, hi, l = 52*hour, 120*hour, lag2d
	}
	back, ok := f.later(at, lo, hi, true)
	if !ok {
		return false
	}
	f.plans[0].lag = l
	visit := f.scene(sceneVisit, back, noDevice, doBuy|doTill|f.phone())
	visit.till = f.tillID(device)
	f.st.isKnown = known
	f.st.left.recovers = known && visit.till != tillNone
	f.st.left.isExpired = !f.st.left.recovers
	if !f.commit() {
		return false
	}
	if f.st.left.isExpired {
		f.p.orderFrom = max(f.p.orderFrom, at+8*day+4*hour)
	}
	return true
}

// How a person is known at a till.
const (
	tillNone = iota
	tillCard
	tillToken
	tillEmail
)

var tillNames = [...]string{"", "loyalty_id", "payment_token", "email"}

// tillID picks the identification; a guest's e-mail only if the research took
// place on a device that is known by it, or on none.
func (f *draft) tillID(device int) uint8 {
	p := f.p
	switch {
	case p.usesCard && f.d.permille(900):
		return tillCard
	case p.paysByToken && p.tokenKnown:
		return tillToken
	case p.kind == guest && (device == noDevice || p.isLinked(device)) && f.d.permille(600):
		return tillEmail
	}
	return tillNone
}

// seeOther makes the research be about another product of the category.
func (f *draft) seeOther() {
	it := &f.st.items[0]
	it.seen = f.w.catalog.otherInCategory(f.d, it.product)
}

func (f *draft) ropo() bool {
	device := f.p.pickDevice(f.d)
	p := f.p
	class := f.d.pick([]int{25, 15, 30, 20, 10})
	if class == 1 {
		if !p.isLinked(deviceApp) {
			return false
		}
		device = deviceApp
	}
	if !f.items() {
		return false
	}
	if f.d.permille(350) {
		f.seeOther()
	}
	follow := p.kind == registered && !p.isLinked(device) && p.login[device] == loginLate
	f.st.isKnown = p.isLinked(device) || follow || p.kind == registered && p.login[device] == loginFirst
	visit, ok := f.research(class, device)
	if !ok {
		return false
	}
	flags := uint32(doBuy) | f.phone()
	if class == 1 {
		flags |= doPhone | doApp
	}
	pl := f.scene(sceneVisit, visit, device, flags)
	pl.till = f.tillID(device)
	if follow {
		at, ok := f.later(visit, 3*hour, 30*hour, false)
		if !ok {
			return false
		}
		f.scene(sceneShop, at, device, doLogin)
	}
	return f.commit()
}

// research plans the online research of a store purchase and gives the time of
// the visit.
func (f *draft) research(class, device int) (visit int64, ok bool) {
	switch class {
	case 0:
		visit = f.w.storeTime(f.d, f.day)
		f.scene(sceneShop, visit-f.d.between(30*minute, 60*minute), device, doResearch|doShort).lag = lagOnTheWay
		return visit, true
	case 1:
		return f.w.storeTime(f.d, f.day), true
	}
	lo, hi, l := 4*hour, 40*hour, lag1d
	switch class {
	case 3:
		lo, hi, l = 52*hour, 150*hour, lag2d
	case 4:
		lo, hi, l = 180*hour, 480*hour, lag2d|lag7d
	}
	at := f.w.onlineTime(f.d, f.day)
	f.scene(sceneShop, at, device, doResearch).lag = l
	return f.later(at, lo, hi, true)
}

func (f *draft) showroom() bool {
	device := f.p.pickOrderDevice(f.d)
	if device == noDevice || !f.p.isLinked(deviceApp) || !f.item() {
		return false
	}
	visit := f.w.storeTime(f.d, f.day)
	class := f.d.pick([]int{55, 30, 15})
	lo, hi, l := 4*hour, 40*hour, lag1d
	switch class {
	case 1:
		lo, hi, l = 52*hour, 150*hour, lag2d
	case 2:
		lo, hi, l = 180*hour, 480*hour, lag2d|lag7d
	}
	at, ok := f.later(visit, lo, hi, false)
	if !ok {
		return false
	}
	flags := uint32(doPhone)
	if f.d.permille(600) {
		flags |= doTryOn
	}
	pl := f.scene(sceneVisit, visit, noDevice, flags)
	pl.lag = l
	if stores[pl.store].hasBeacons {
		pl.store = 0
	}
	f.st.isKnown = true
	f.scene(sceneShop, at, device, doResearch|doAdd|doBuy)
	return f.commit()
}

func (f *draft) buyInStore() bool {
	if !f.items() {
		return false
	}
	pl := f.scene(sceneVisit, f.w.storeTime(f.d, f.day), noDevice, doBuy|f.phone())
	pl.till = f.tillID(noDevice)
	return f.commit()
}

func (f *draft) lookInStore() bool {
	f.item()
	f.scene(sceneVisit, f.w.storeTime(f.d, f.day), noDevice, f.phone())
	return f.commit()
}

func (f *draft) form() bool {
	flags := uint32(doForm)
	if f.d.permille(400) {
		flags |= doLeaveForm
	}
	f.scene(sceneShop, f.w.onlineTime(f.d, f.day), f.p.pickDevice(f.d), flags)
	return f.commit()
}

// call plans a call, or a request for one and its answer.
func (f *draft) call() bool {
	at := f.w.onlineTime(f.d, f.day)
	device := f.p.pickDevice(f.d)
	if f.p.isLinked(device) && f.d.permille(350) {
		f.scene(sceneShop, at, device, doCallback)
		f.scene(sceneCall, at+f.d.between(20*minute, 40*minute), noDevice, doOutbound)
		return f.commit()
	}
	flags := uint32(0)
	if f.d.permille(300) {
		flags = doComplain
	}
	f.scene(sceneCall, at, noDevice, flags)
	return f.commit()
}
