package event

import "encoding/binary"

// Name is the code of a canonical event name; Custom for all others.
type Name uint8

// The vocabulary. Segment's e-commerce spec v2 plus the project's names for the
// physical world and for service.
const (
	Custom Name = iota
	Page
	Screen
	Identify
	Alias
	Group
	ProductsSearched
	ProductListViewed
	ProductListFiltered
	PromotionViewed
	PromotionClicked
	ProductClicked
	ProductViewed
	ProductAdded
	ProductRemoved
	CartViewed
	CheckoutStarted
	CheckoutStepViewed
	CheckoutStepCompleted
	PaymentInfoEntered
	OrderCompleted
	OrderUpdated
	OrderRefunded
	OrderCancelled
	CouponEntered
	CouponApplied
	CouponDenied
	CouponRemoved
	ProductAddedToWishlist
	ProductRemovedFromWishlist
	WishlistProductAddedToCart
	ProductShared
	CartShared
	ProductReviewed
	StoreEntered
	StoreExited
	ZoneEntered
	ZoneExited
	SensorSeen
	TagRead
	CounterRead
	PagePing
	FormStarted
	FormFieldCompleted
	FormFieldFailed
	FormSubmitted
	ChatStarted
	CallStarted
	CallConnected
	CallEnded
	CallbackRequested
	CaseOpened
	CaseClosed
	SurveyAnswered
	PickupReady
	PickupCompleted
	PickupExpired
	ShipmentUpdated
	ConsentChanged
	MessageSent
	numNames
)

// NumNames is the number of event name codes.
const NumNames = int(numNames)

// Rank orders events of one instant: entering, viewing, adding, removing,
// checkout, order, the rest.
type Rank uint8

// The ranks in order.
const (
	RankEnter Rank = iota
	RankView
	RankAdd
	RankRemove
	RankCheckout
	RankOrder
	RankRest
)

var names = [NumNames]struct {
	text   string
	rank   Rank
	system bool
}{
	Custom: {"", RankRest, false},
	Page:   {"page", RankView, false}, Screen: {"screen", RankView, false},
	Identify: {"identify", RankRest, true}, Alias: {"alias", RankRest, true}, Group: {"group", RankRest, true},
	ProductsSearched:  {"Products Searched", RankView, false},
	ProductListViewed: {"Product List Viewed", RankView, false}, ProductListFiltered: {"Product List Filtered", RankView, false},
	PromotionViewed: {"Promotion Viewed", RankView, false}, PromotionClicked: {"Promotion Clicked", RankView, false},
	ProductClicked: {"Product Clicked", RankView, false}, ProductViewed: {"Product Viewed", RankView, false},
	ProductAdded: {"Product Added", RankAdd, false}, ProductRemoved: {"Product Removed", RankRemove, false},
	CartViewed:      {"Cart Viewed", RankView, false},
	CheckoutStarted: {"Checkout Started", RankCheckout, false}, CheckoutStepViewed: {"Checkout Step Viewed", RankCheckout, false},
	CheckoutStepCompleted: {"Checkout Step Completed", RankCheckout, false}, PaymentInfoEntered: {"Payment Info Entered", RankCheckout, false},
	OrderCompleted: {"Order Completed", RankOrder, false}, OrderUpdated: {"Order Updated", RankRest, true},
	OrderRefunded: {"Order Refunded", RankRest, true}, OrderCancelled: {"Order Cancelled", RankRest, true},
	CouponEntered: {"Coupon Entered", RankRest, false}, CouponApplied: {"Coupon Applied", RankRest, false},
	CouponDenied: {"Coupon Denied", RankRest, false}, CouponRemoved: {"Coupon Removed", RankRest, false},
	ProductAddedToWishlist:     {"Product Added to Wishlist", RankAdd, false},
	ProductRemovedFromWishlist: {"Product Removed from Wishlist", RankRemove, false},
	WishlistProductAddedToCart: {"Wishlist Product Added to Cart", RankAdd, false},
	ProductShared:              {"Product Shared", RankRest, false}, CartShared: {"Cart Shared", RankRest, false},
	ProductReviewed: {"Product Reviewed", RankRest, false},
	StoreEntered:    {"Store Entered", RankEnter, false}, StoreExited: {"Store Exited", RankRest, false},
	ZoneEntered: {"Zone Entered", RankEnter, false}, ZoneExited: {"Zone Exited", RankRest, false},
	SensorSeen: {"Sensor Seen", RankRest, true}, TagRead: {"Tag Read", RankRest, false}, CounterRead: {"Counter Read", RankRest, true},
	PagePing: {"Page Ping", RankRest, false}, FormStarted: {"Form Started", RankRest, false},
	FormFieldCompleted: {"Form Field Completed", RankRest, false}, FormFieldFailed: {"Form Field Failed", RankRest, false},
	FormSubmitted: {"Form Submitted", RankRest, false}, ChatStarted: {"Chat Started", RankRest, false},
	CallStarted: {"Call Started", RankRest, false}, CallConnected: {"Call Connected", RankRest, false}, CallEnded: {"Call Ended", RankRest, false},
	CallbackRequested: {"Callback Requested", RankRest, false}, CaseOpened: {"Case Opened", RankRest, false},
	CaseClosed: {"Case Closed", RankRest, true}, SurveyAnswered: {"Survey Answered", RankRest, false},
	PickupReady: {"Pickup Ready", RankRest, true}, PickupCompleted: {"Pickup Completed", RankRest, false},
	PickupExpired: {"Pickup Expired", RankRest, true}, ShipmentUpdated: {"Shipment Updated", RankRest, true},
	ConsentChanged: {"Consent Changed", RankRest, false}, MessageSent: {"Message Sent", RankRest, true},
}

// String gives the canonical text; empty for Custom.
func (n Name) String() string { return names[n].text }

// Rank gives the name's place among events of one instant.
func (n Name) Rank() Rank { return names[n].rank }

// IsSystem reports whether no person makes the event: it neither opens nor
// extends a session.
func (n Name) IsSystem() bool { return names[n].system }

// nameTable finds names: of each that may stand at a place the text is compared.
// The factor is one with which no two names share a place.
var nameTable = func() (t struct {
	factor uint64
	codes  [1024]Name
}) {
search:
	for t.factor = 1; t.factor < 1<<16; t.factor += 2 {
		t.codes = [len(t.codes)]Name{}
		for n := 1; n < NumNames; n++ {
			c := &t.codes[namePlace([]byte(names[n].text), t.factor)]
			if *c != Custom {
				continue search
			}
			*c = Name(n)
		}
		return t
	}
	panic("event: two names have one length and the same first and last 8 bytes")
}()

// namePlace spreads texts by their length and their first and last 8 bytes.
func namePlace(text []byte, factor uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	var first, last uint64
	if n := len(text); n >= 8 {
		first, last = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[n-8:])
	} else {
		for i, c := range text {
			first |= uint64(c) << (8 * i)
		}
	}
	return (first ^ last*golden + uint64(len(text))) * (golden * factor) >> 54
}

// NameOf finds the code of a name; Custom if it is not in the vocabulary.
func NameOf(text []byte) Name {
	n := nameTable.codes[namePlace(text, nameTable.factor)]
	if names[n].text != string(text) {
		return Custom
	}
	return n
}

// IsOffline reports whether the channel is in the physical world: pos, store,
// beacon. Every other value is online.
func IsOffline(channel []byte) bool {
	switch string(channel) {
	case "pos", "store", "beacon":
		return true
	}
	return false
}
