package generator

import (
	"strconv"

	"touchstream/pipeline/event"
)

const shopURL = "https://shop.example"

// encode writes an act as one record.
func (w *World) encode(s *scene, index int, rec *Record) {
	a := &s.acts[index]
	rec.Topic, rec.TimeMS, rec.ArrivalMS, rec.Kind = topics[a.topic], a.at, a.at, Event
	v := rec.Value[:0]
	switch a.name {
	case event.Identify:
		v = append(v, `{"type":"identify"`...)
	case event.Page:
		v = append(v, `{"type":"page"`...)
	case event.Screen:
		v = append(v, `{"type":"screen","name":"`...)
		v = append(v, a.detail...)
		v = append(v, '"')
	default:
		v = append(v, `{"type":"track","event":"`...)
		v = append(v, a.name.String()...)
		v = append(v, '"')
	}
	v = append(v, `,"messageId":"`...)
	v = appendUUID(v, mix3(w.opt.Seed, s.id, uint64(index)), mix(s.id<<20^uint64(index)^w.opt.Seed<<40))
	v = append(v, `","timestamp":"`...)
	v = w.stamp.append(v, a.at)
	v = append(v, '"')
	isOnline := a.topic == topicWeb || a.topic == topicApp
	isOnline = isOnline && len(s.anonymous) > 0 && a.device != noDevice || s.person == noPerson && a.topic == topicWeb
	if isOnline {
		v = append(v, `,"anonymousId":"`...)
		v = append(v, s.anonymous...)
		v = append(v, '"')
	}
	if a.hasUser && len(s.user) > 0 {
		v = append(v, `,"userId":"`...)
		v = append(v, s.user...)
		v = append(v, '"')
	}
	if a.name == event.Identify {
		v = w.appendTraits(v, s.person)
	} else {
		v = append(v, `,"properties":{"channel":"`...)
		v = append(v, w.channel(a)...)
		v = append(v, '"')
		v = w.appendProperties(v, s, a)
		v = append(v, '}')
	}
	v = append(v, `,"context":{`...)
	if isOnline {
		v = append(v, s.context...)
		if a.topic == topicWeb && a.text != "" && a.text[0] == '/' {
			v = w.appendPage(v, a)
		}
	} else {
		v = append(v, `"channel":"`...)
		v = append(v, w.channel(a)...)
		v = append(v, '"')
	}
	rec.Value = append(v, '}', '}')
	rec.Key = w.appendKey(rec.Key[:0], s, a, isOnline)
}

// channel of what comes by e-mail is not its topic.
func (w *World) channel(a *act) string {
	if a.name == event.SurveyAnswered {
		return "email"
	}
	return topics[a.topic]
}

func (w *World) appendKey(dst []byte, s *scene, a *act, isOnline bool) []byte {
	switch {
	case isOnline:
		return append(dst, s.anonymous...)
	case len(s.phone) > 0 && (a.topic == topicStore || a.topic == topicBeacon):
		return append(dst, s.phone...)
	case a.topic == topicBeacon:
		return append(dst, stores[a.store].id...)
	case a.topic == topicCall || a.topic == topicCRM:
		return w.appendUser(dst, s.person)
	}
	return appendOrderID(dst, a.ref)
}

func (w *World) appendTraits(v []byte, person int32) []byte {
	p := &w.people[person]
	v = append(v, `,"traits":{"email":"`...)
	v = w.appendEmail(v, person)
	v = append(v, `","phone":"`...)
	v = w.appendPhone(v, person)
	v = append(v, '"')
	if p.hasCard {
		v = append(v, `,"loyalty_id":"`...)
		v = w.appendCard(v, person)
		v = append(v, '"')
	}
	return append(v, '}')
}

// appendPath writes the path of the page that the act shows.
func (w *World) appendPath(v []byte, a *act) []byte {
	v = append(v, a.text...)
	switch {
	case a.text == pageProduct && a.product >= 0:
		v = append(v, w.catalog.products[a.product].id...)
	case a.text == pageCategory && a.category >= 0:
		for _, c := range []byte(categoryNames[a.category]) {
			if c == ' ' {
				c = '-'
			}
			v = append(v, c)
		}
	}
	return v
}

func (w *World) appendPage(v []byte, a *act) []byte {
	v = append(v, `,"page":{"path":"`...)
	v = w.appendPath(v, a)
	v = append(v, `","url":"`+shopURL...)
	v = w.appendPath(v, a)
	return append(v, `"}`...)
}

// appendProperties writes what the event is about, each field after a comma.
func (w *World) appendProperties(v []byte, s *scene, a *act) []byte {
	switch a.name {
	case event.Page:
		v = append(v, `,"path":"`...)
		v = w.appendPath(v, a)
		v = append(v, `","url":"`+shopURL...)
		v = w.appendPath(v, a)
		v = append(v, '"')
		return textField(v, "title", a.detail)
	case event.ProductsSearched:
		v = textField(v, "query", a.text)
		return numberField(v, "results", a.number)
	case event.ProductListViewed:
		v = textField(v, "list_id", "category")
		return textField(v, "category", categoryNames[a.category])
	case event.PromotionViewed, event.PromotionClicked:
		v = textField(v, "promotion_id", a.text)
		return textField(v, "name", "Spring sale")
	case event.ProductClicked, event.ProductViewed, event.ProductAddedToWishlist:
		return w.appendProduct(v, a)
	case event.ProductAdded, event.ProductRemoved:
		v = w.appendProduct(v, a)
		v = numberField(v, "quantity", a.number)
		return refField(v, "cart_id", "C-", a.ref)
	case event.CartViewed:
		v = refField(v, "cart_id", "C-", a.ref)
		return w.appendItems(v, s, a)
	case event.CheckoutStarted:
		v = refField(v, "cart_id", "C-", a.ref)
		v = refField(v, "checkout_id", "K-", a.ref)
		v = append(v, `,"currency":"`+currency+`","total":`...)
		v = appendCents(v, a.cents)
		return w.appendItems(v, s, a)
	case event.CheckoutStepViewed, event.CheckoutStepCompleted, event.PaymentInfoEntered:
		v = refField(v, "checkout_id", "K-", a.ref)
		return numberField(v, "step", a.number)
	case event.CouponEntered, event.CouponApplied:
		return textField(v, "coupon", a.detail)
	case event.OrderCompleted:
		return w.appendOrder(v, s, a)
	case event.OrderRefunded, event.OrderCancelled:
		v = refField(v, "order_id", "O-", a.ref)
		v = append(v, `,"currency":"`+currency+`","total":`...)
		return appendCents(v, a.cents)
	case event.FormStarted, event.FormFieldCompleted, event.FormFieldFailed, event.FormSubmitted:
		v = textField(v, "form_id", "contact")
		if a.detail != "" {
			v = textField(v, "field", a.detail)
		}
		if a.name == event.FormFieldFailed {
			v = textField(v, "error", "not an address")
		}
		return v
	case event.StoreEntered, event.StoreExited, event.ZoneEntered, event.ZoneExited, event.TagRead, event.SensorSeen, event.CounterRead:
		return w.appendPlace(v, s, a)
	}
	return w.appendService(v, s, a)
}

func textField(v []byte, name, text string) []byte {
	v = append(v, ',', '"')
	v = append(v, name...)
	v = append(v, '"', ':', '"')
	v = append(v, text...)
	return append(v, '"')
}

func numberField(v []byte, name string, n int32) []byte {
	v = append(v, ',', '"')
	v = append(v, name...)
	v = append(v, '"', ':')
	return strconv.AppendInt(v, int64(n), 10)
}

func refField(v []byte, name, prefix string, ref uint64) []byte {
	v = append(v, ',', '"')
	v = append(v, name...)
	v = append(v, '"', ':', '"')
	v = append(v, prefix...)
	v = strconv.AppendUint(v, ref, 10)
	return append(v, '"')
}

func (w *World) appendProduct(v []byte, a *act) []byte {
	v = append(v, ',')
	v = append(v, w.catalog.products[a.product].json...)
	return append(v, `,"currency":"`+currency+`"`...)
}

func (w *World) appendItems(v []byte, s *scene, a *act) []byte {
	v = append(v, `,"products":[`...)
	for i, l := range s.lines[a.from:a.to] {
		if i > 0 {
			v = append(v, ',')
		}
		v = append(v, '{')
		v = append(v, w.catalog.products[l.product].json...)
		v = numberField(v, "quantity", int32(l.quantity))
		v = append(v, '}')
	}
	return append(v, ']')
}

func (w *World) appendOrder(v []byte, s *scene, a *act) []byte {
	v = refField(v, "order_id", "O-", a.ref)
	v = append(v, `,"total":`...)
	v = appendCents(v, a.cents)
	v = append(v, `,"revenue":`...)
	v = appendCents(v, a.cents)
	v = append(v, `,"currency":"`+currency+`"`...)
	if a.detail != "" {
		v = textField(v, "fulfilment", a.detail)
	}
	if a.topic == topicPOS || a.detail == "pickup" {
		v = textField(v, "store_id", stores[a.store].id)
	}
	switch a.till {
	case tillCard:
		v = append(v, `,"loyalty_id":"`...)
		v = append(w.appendCard(v, s.person), '"')
	case tillToken:
		v = append(v, `,"payment_token":"`...)
		v = append(w.appendToken(v, s.person), '"')
	case tillEmail:
		v = append(v, `,"email":"`...)
		v = w.appendTypedEmail(v, s.person, a.ref)
	}
	return w.appendItems(v, s, a)
}

// appendTypedEmail writes the e-mail as people type it: now and then with a
// capital or a blank at its end.
func (w *World) appendTypedEmail(v []byte, person int32, ref uint64) []byte {
	at := len(v)
	v = w.appendEmail(v, person)
	switch mix(ref) % 8 {
	case 0:
		v[at] -= 'a' - 'A'
	case 1:
		v = append(v, ' ')
	}
	return append(v, '"')
}

// appendPlace writes where a device is, or how many passed a door.
func (w *World) appendPlace(v []byte, s *scene, a *act) []byte {
	if len(s.phone) > 0 {
		v = append(v, `,"device_id":"`...)
		v = append(v, s.phone...)
		v = append(v, '"')
	}
	v = textField(v, "store_id", stores[a.store].id)
	if a.zone >= 0 && a.name != event.SensorSeen {
		v = append(v, `,"zone_id":"`...)
		v = append(appendZoneID(v, int(a.store), int(a.zone)), '"')
	}
	if a.sensor != 0 {
		v = append(v, `,"sensor_id":"`...)
		v = append(appendSensorID(v, int(a.store), int(a.zone), a.sensor), '"')
	}
	switch a.name {
	case event.SensorSeen:
		v = numberField(v, "rssi", a.number)
	case event.CounterRead:
		v = numberField(v, "count_in", a.number)
		v = numberField(v, "count_out", a.other)
	case event.TagRead:
		v = w.appendProduct(v, a)
	}
	return v
}

// appendService writes what calls, parcels, pickups and surveys are about.
func (w *World) appendService(v []byte, s *scene, a *act) []byte {
	switch a.name {
	case event.CallStarted, event.CallConnected, event.CallEnded, event.CaseOpened:
		v = refField(v, "call_id", "T-", a.ref)
		v = textField(v, "topic", a.text)
		v = append(v, `,"phone":"`...)
		v = append(w.appendPhone(v, s.person), '"')
		return w.appendOutcome(v, a)
	case event.CaseClosed:
		return refField(v, "case_id", "S-", a.ref)
	case event.CallbackRequested:
		v = textField(v, "topic", a.text)
		v = append(v, `,"phone":"`...)
		return append(w.appendPhone(v, s.person), '"')
	case event.ConsentChanged:
		v = textField(v, "purpose", "marketing")
		v = append(v, `,"granted":`...)
		return strconv.AppendBool(v, a.number == 1)
	case event.SurveyAnswered:
		v = textField(v, "survey_id", "nps")
		return numberField(v, "score", a.number)
	case event.ShipmentUpdated:
		v = refField(v, "order_id", "O-", a.ref)
		v = refField(v, "shipment_id", "X-", a.ref)
		v = textField(v, "status", a.text)
		v = append(v, `,"promised_at":"`...)
		return append(w.stamp.append(v, a.cents), '"')
	case event.PickupReady, event.PickupCompleted, event.PickupExpired:
		v = refField(v, "order_id", "O-", a.ref)
		return textField(v, "store_id", stores[a.store].id)
	}
	return v
}

// appendOutcome writes how far a call came.
func (w *World) appendOutcome(v []byte, a *act) []byte {
	switch a.name {
	case event.CaseOpened:
		v = refField(v, "case_id", "S-", a.ref)
		return textField(v, "reason", a.detail)
	case event.CallConnected:
		v = refField(v, "agent_id", "A-", mix(a.ref)%24)
	case event.CallEnded:
		if a.number >= 7 {
			v = append(v, `,"resolved":false`...)
		} else if a.number >= 0 {
			v = append(v, `,"resolved":true`...)
		}
	}
	if a.detail != "" {
		v = textField(v, "direction", a.detail)
	}
	return v
}
