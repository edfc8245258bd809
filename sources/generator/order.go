package generator

import "touchstream/pipeline/event"

// Directions of an order's product, as ropo names them.
const (
	directionNone         = "none"
	directionROPO         = "ropo"
	directionShowrooming  = "showrooming"
	directionClickCollect = "click_collect"
	directionUnknown      = "unknown"
)

// order fills an order event with the story's items, decides what follows it
// and writes the truth.
func (c *script) order(a *act) {
	w := c.w
	w.orderNumber++
	a.ref = w.orderNumber
	c.withItems(a)
	c.orders++
	c.cents += a.cents
	c.st.order = a.ref
	isOnline := c.topic == topicWeb || c.topic == topicApp
	switch {
	case isOnline && c.pl.flags&doPickup != 0:
		a.detail = "pickup"
	case isOnline:
		a.detail = "delivery"
	}
	if isOnline {
		switch {
		case c.p.kind == guest:
			a.till = tillEmail
		case c.p.paysByToken:
			a.till = tillToken
			c.p.tokenKnown = true
		}
	}
	fate := c.afterOrder(a, isOnline)
	for i := range c.st.items[:c.st.count] {
		w.truth.order(c, a, &c.st.items[i], c.judge(&c.st.items[i], a, isOnline), fate)
	}
	c.closeCartBy(a)
}

// fate is what becomes of an order later.
type fate struct{ isRefunded, isCancelled bool }

// afterOrder plans the parcel, a refund, a cancellation, a survey.
func (c *script) afterOrder(a *act, isOnline bool) fate {
	w := c.w
	next := plan{ref: a.ref, value: a.cents, person: c.pl.person, story: noStory, device: noDevice, store: c.pl.store}
	switch {
	case isOnline && a.detail == "delivery" && c.d.permille(15):
		next.kind, next.at = sceneCancel, c.t+c.d.between(10*minute, 60*minute)
		if next.at < w.end {
			w.push(next)
			return fate{isCancelled: true}
		}
	case isOnline && a.detail == "delivery":
		next.kind, next.at = sceneParcel, c.t+c.d.between(4*hour, 20*hour)
		parcel := next
		parcel.value = c.t + 3*day // promised
		if parcel.at < w.end {
			w.push(parcel)
		}
	}
	if !c.d.permille(60) || a.detail == "pickup" {
		return fate{}
	}
	next.kind, next.at = sceneRefund, c.t+c.d.between(3*day, 9*day)
	if isOnline {
		next.store = -1
	}
	if next.at >= w.end {
		return fate{}
	}
	w.push(next)
	return fate{isRefunded: true}
}

// verdict is what ropo is to say of an order's product.
type verdict struct {
	direction, trueDirection, level string
	touches                         span
}

// judge tells from the story how the product was met before the purchase.
func (c *script) judge(it *item, a *act, isOnline bool) verdict {
	v := verdict{direction: directionNone, trueDirection: directionNone}
	if isOnline {
		if a.detail == "pickup" {
			return verdict{direction: directionClickCollect, trueDirection: directionClickCollect}
		}
		if sku, category := &it.offlineSKU, &it.offlineCategory; category.count > 0 {
			v.trueDirection = directionShowrooming
			v.level, v.touches = strongest(sku, category)
		}
		v.direction = v.trueDirection // the order's device is logged in
		return v
	}
	if sku, category := &it.onlineSKU, &it.onlineCategory; category.count > 0 {
		v.trueDirection = directionROPO
		v.level, v.touches = strongest(sku, category)
	}
	switch {
	case c.pl.till == tillNone:
		return verdict{direction: directionUnknown, trueDirection: v.trueDirection}
	case !c.st.isKnown:
		return verdict{direction: directionNone, trueDirection: v.trueDirection}
	}
	v.direction = v.trueDirection
	return v
}

func strongest(sku, category *span) (string, span) {
	if sku.count > 0 {
		return "sku", *sku
	}
	return "category", *category
}

// closing is what ended a cart's episode.
type closing struct {
	at      int64
	channel string
	cents   int64
}

// closeCartBy ends the scene's cart and the one that was left.
func (c *script) closeCartBy(a *act) {
	how := closing{at: a.at, channel: topics[a.topic], cents: a.cents}
	if c.st.hasLeft {
		c.w.truth.cart(c, &c.st.left, outcomeRecovered, how)
		c.st.hasLeft = false
	}
	if c.hasCart {
		c.w.truth.cart(c, &c.cart, outcomeCancelled, how)
		c.hasCart = false
	}
}

// playReturn is a refund or a cancellation; it names the order and nobody.
func (c *script) playReturn() {
	c.topic = topicWeb
	name := event.OrderRefunded
	if c.pl.kind == sceneCancel {
		name = event.OrderCancelled
	}
	if c.pl.kind == sceneRefund && c.pl.store >= 0 {
		c.topic = topicPOS
	}
	a := c.add(name)
	a.ref, a.cents = c.pl.ref, c.pl.value
}
