package ropo

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

const (
	dayMs  = 86_400_000
	hourMs = 3_600_000
)

// profile is what is remembered of one profile.
type profile struct {
	touches flat.Ref // []touchRef by (time, message id), oldest first
	orders  uint32   // newest added first
	visits  flat.Ref // []visit by time
	sighted flat.Ref // []visit: last sighting per store
	zone    zoneStay
	dropped int64 // newest touch that was given up; beginOfTime: none
	forget  int64 // due of its timer
	last    int64 // newest event that matters
	nobody  bool  // stands for an order that has no profile
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

// touch is one contact with a product or category.
type touch struct {
	at                     int64
	product, sku, category uint64 // hashes; 0: none
	texts                  flat.Ref
	offline                bool
}

// Texts of a touch, in the order in which they are packed.
const (
	touchMessage = iota
	touchChannel
	touchDevice
	touchCampaign
	touchTexts
)

// order is one order with its lines.
type order struct {
	id       event.Hash // hash of the order id
	at       int64
	wholeAt  int64 // of the event that stands for the whole order
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
}

// Texts of an order.
const (
	orderID = iota
	orderChannel
	orderStore
	orderCurrency
	orderWhole // message id of the event that stands for the whole order
	orderTexts
)

// line is one product of an order.
type line struct {
	product, sku, category uint64
	// What single-line events brought, and what the whole order's event did.
	quantity, revenue           int64
	wholeQuantity, wholeRevenue int64
	refundedQuantity            int64
	refundedRevenue             int64
	refunded                    bool // all of it
	levels                      [numLevels]level
	texts                       flat.Ref
	next                        uint32
	revision                    uint32
	digest                      uint64 // of the newest row
}

// Texts of a line.
const (
	lineProduct = iota
	lineSKU
	lineCategory
	lineTexts
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
func pack(a *flat.Arena, scratch []byte, texts ...[]byte) (flat.Ref, []byte) {
	scratch = scratch[:0]
	for _, t := range texts {
		n := min(len(t), 1<<16-1)
		scratch = append(scratch, byte(n), byte(n>>8))
		scratch = append(scratch, t[:n]...)
	}
	return a.Put(scratch), scratch
}

// unpack gives text i of a packed blob.
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
