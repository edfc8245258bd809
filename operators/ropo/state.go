package ropo

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

const (
	dayMs  = 86_400_000
	hourMs = 3_600_000
)

// profile is what is remembered of one profile. With its key it fills a cache
// line.
type profile struct {
	oldest, newest uint32 // of its touches, which are a list by (time, message id)
	orders, latest uint32 // first and last of its orders, a list in which they came
	touches, count uint16 // number of touches and of orders
	presence       uint32 // what is known of it in stores; 0: nothing
	dropped        int64  // newest touch that was given up; math.MinInt64: none
	forget         int64  // due of its timer
	last           int64  // newest event that matters
}

// presence is what is known of a profile in stores.
type presence struct {
	visits  flat.Ref // []visit by time: starts of visits
	sighted flat.Ref // []visit by time: last sighting of each store
	zone    zoneStay
}

// zoneStay is a stay in a zone that becomes a touch once it is long enough.
type zoneStay struct {
	zone    int32 // index in the venue + 1; 0: none
	entered int64
	texts   flat.Ref
}

// visit is the beginning of a visit, or a sighting, in a store.
type visit struct {
	at      int64
	store   uint64
	entered bool // Store Entered, not a sighting
}

// touch is one contact with a product or category. It fills a cache line.
type touch struct {
	at                     int64
	message                messageID
	product, sku, category uint64 // hashes; 0: none
	trait                  uint32
	next                   uint32 // in the profile's list
	form                   idForm
	offline                bool
}

// Texts of a touch in a level, in the order in which they are packed.
const (
	touchKey = iota // sorts like its message id
	touchChannel
	touchDevice
	touchCampaign
)

// order is one order with its lines.
type order struct {
	id       event.Hash // hash of the order id
	at       int64      // of its first event
	wholeAt  int64      // of the event that stands for the whole order
	visitAt  int64
	refund   int64 // amounts not tied to a product
	texts    flat.Ref
	lines    uint32
	next     uint32
	offline  bool
	pickup   bool
	hasWhole bool
	refunded bool // everything
	capped   bool
	known    bool // an order event came, not only a refund
	changed  bool // since its rows were written
}

// Texts of an order.
const (
	orderID = iota
	orderChannel
	orderStore
	orderCurrency
	orderFirst // key of the first event, whose attributes the order has
	orderWhole // key of the event that stands for the whole order
)

// line is one product of an order.
type line struct {
	name                   uint64 // hash of the product_id, else of the sku
	product, sku, category uint64
	// What single-line events brought, and what the whole order's event did.
	quantity, revenue           int64
	wholeQuantity, wholeRevenue int64
	// What refunds took: units with their amounts, and units without.
	refundedQuantity, refundedRevenue int64
	refundedUnits                     int64
	levels                            [numLevels]level
	texts                             flat.Ref
	next                              uint32
	revision                          uint32
	digest                            uint64 // of the newest row
	events                            uint32 // that brought it as a line
	inWhole                           bool
	refunded                          bool // all of it
}

// isPresent reports whether the order has the line: a refund alone makes none,
// and another event may have come to stand for the whole order.
func (l *line) isPresent() bool { return l.events > 0 || l.inWhole }

// Texts of a line.
const (
	lineProduct = iota
	lineSKU
	lineCategory
)

// The match levels, strongest first.
const (
	bySKU = iota
	byCategory
	byAny
	numLevels
)

var levelNames = [numLevels]string{"sku", "category", "any"}

// level aggregates the touches of one match level.
type level struct {
	first, last           int64
	firstTexts, lastTexts flat.Ref
	days                  flat.Ref // []int32, sorted
	touches               int32
	lags                  uint8
}

// Lag flags.
const (
	lagInStore uint8 = 1 << iota
	lagOnTheWay
	lag1d
	lag2dPlus
	lag7dPlus
)

// pack joins texts into one blob, each behind its length.
func pack(dst []byte, texts ...[]byte) []byte {
	dst = dst[:0]
	for _, t := range texts {
		n := min(len(t), 1<<16-1)
		dst = append(dst, byte(n), byte(n>>8))
		dst = append(dst, t[:n]...)
	}
	return dst
}

// unpack gives text i of a packed blob, nil if it has fewer.
func unpack(b []byte, i int) []byte {
	for ; len(b) >= 2; i-- {
		n := int(b[0]) | int(b[1])<<8
		if i == 0 {
			return b[2 : 2+n]
		}
		b = b[2+n:]
	}
	return nil
}
