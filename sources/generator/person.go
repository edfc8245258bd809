package generator

import (
	"math"
	"strconv"
)

// What a person is to the shop.
const (
	// registered has an account: user id, e-mail, phone and often a card.
	registered = iota
	// guest has no account: orders by e-mail.
	guest
	// cardOnly shows a card at the till and is a stranger online.
	cardOnly
	// stranger is never known.
	stranger
)

var personKinds = [...]string{"registered", "guest", "card_only", "stranger"}

// Slots of a person's devices.
const (
	deviceApp = iota
	deviceLaptop
	deviceTablet
	devicePhone // the browser of the phone
	numDevices
	noDevice = -1
)

var (
	deviceNames = [numDevices]string{"app", "laptop", "tablet", "phone_web"}
	deviceTypes = [numDevices]string{"mobile", "desktop", "tablet", "mobile"}
)

// When a device is logged in.
const (
	loginFirst = iota // in its first session
	loginLate         // in the session that needs it
	loginNever
)

// person is the state of one customer.
type person struct {
	kind    uint8
	home    uint8 // index of the store they go to
	owns    uint8 // a bit per device slot
	linked  uint8 // a bit per device slot: known to be this person's
	login   [numDevices]uint8
	joined  bool // the account exists
	hasCard bool
	// usesCard and paysByToken are habits at the till; the token is known once
	// an online order was paid with it.
	usesCard, paysByToken, tokenKnown bool
	// hasOldCart says that a cart was left for good: from then on each new one
	// is shown, so that what is in it does not depend on how long carts are kept.
	hasOldCart bool
	// touched is the day after which each category was last touched, plus one;
	// zero is never.
	touched [numCategories]int16
	// busyUntil is the end of the story that is lived, orderFrom the time
	// before which nothing may be ordered.
	busyUntil, orderFrom int64
}

func (w *World) makePerson(i int) person {
	d := newDice(w.opt.Seed, mix3(1, uint64(i), 0))
	p := person{
		kind: uint8(d.pick([]int{60, 18, 12, 10})), home: uint8(d.pick([]int{30, 20, 22, 15, 13})),
		orderFrom: math.MinInt64, busyUntil: math.MinInt64,
	}
	switch p.kind {
	case registered:
		p.owns = deviceMask(&d, 650, 750, 180, 300)
		for s := range p.login {
			p.login[s] = uint8(d.pick([]int{50, 30, 20}))
		}
		p.login[deviceApp] = loginFirst
		p.joined = !d.permille(150)
		p.hasCard = d.permille(750)
		p.usesCard = p.hasCard && d.permille(800)
		p.paysByToken = d.permille(250)
	case guest:
		p.owns = deviceMask(&d, 0, 700, 200, 450)
	case cardOnly:
		p.owns = deviceMask(&d, 0, 700, 200, 450)
		p.hasCard, p.usesCard = true, true
	}
	if p.kind != registered {
		p.login = [numDevices]uint8{loginNever, loginNever, loginNever, loginNever}
	}
	return p
}

// deviceMask draws the devices of a person, at least one.
func deviceMask(d *dice, permilles ...int) uint8 {
	mask := uint8(0)
	for s, n := range permilles {
		if d.permille(n) {
			mask |= 1 << s
		}
	}
	if mask == 0 {
		mask = 1 << deviceLaptop
	}
	return mask
}

func (p *person) has(device int) bool      { return p.owns&(1<<device) != 0 }
func (p *person) isLinked(device int) bool { return p.linked&(1<<device) != 0 }
func (p *person) link(device int)          { p.linked |= 1 << device }

// pickDevice picks one of the person's devices, the phone most often.
func (p *person) pickDevice(d *dice) int {
	weights := [numDevices]int{60, 40, 15, 30}
	for s := range weights {
		if !p.has(s) {
			weights[s] = 0
		}
	}
	return d.pick(weights[:])
}

// canOrder reports whether an order may be placed on the device: a login that
// never happens would be given away by the order's e-mail.
func (p *person) canOrder(device int) bool {
	switch p.kind {
	case registered:
		return p.login[device] != loginNever
	case guest:
		return true
	}
	return false
}

// pickOrderDevice gives noDevice if none will do.
func (p *person) pickOrderDevice(d *dice) int {
	weights, sum := [numDevices]int{50, 50, 10, 20}, 0
	for s := range weights {
		if !p.has(s) || !p.canOrder(s) {
			weights[s] = 0
		}
		sum += weights[s]
	}
	if sum == 0 {
		return noDevice
	}
	return d.pick(weights[:])
}

// isFresh reports whether the category was not touched for 31 days before day n.
func (p *person) isFresh(category, n int) bool {
	last := int(p.touched[category])
	return last == 0 || n-(last-1) > 31
}

// freshCategory picks a category for a story that begins on day n and marks
// it; false if there is none.
func (p *person) freshCategory(d *dice, n int) (int, bool) {
	for range 12 {
		c := d.below(numCategories)
		if p.isFresh(c, n) {
			return c, true
		}
	}
	return 0, false
}

// markTouched notes that the category is touched up to day n.
func (p *person) markTouched(category, n int) {
	p.touched[category] = max(p.touched[category], int16(n+1))
}

var givenNames = [...]string{"anna", "piotr", "maria", "jan", "ewa", "tomasz", "zofia", "adam", "julia", "marek", "hanna", "pawel", "lena", "jakub", "iga", "filip"}
var familyNames = [...]string{"nowak", "kowalska", "wojcik", "lewandowska", "zielinski", "szymanska", "dabrowski", "kozlowska", "mazur", "krawczyk", "kaczmarek", "grabowska"}

func (w *World) appendUser(dst []byte, person int32) []byte {
	return appendPadded(append(dst, 'u'), uint64(person), 7)
}

func (w *World) appendEmail(dst []byte, person int32) []byte {
	h := mix3(w.opt.Seed, 11, uint64(person))
	dst = append(dst, givenNames[h%uint64(len(givenNames))]...)
	dst = append(dst, '.')
	dst = append(dst, familyNames[(h>>16)%uint64(len(familyNames))]...)
	dst = strconv.AppendInt(dst, int64(person), 10)
	return append(dst, "@example.com"...)
}

func (w *World) appendPhone(dst []byte, person int32) []byte {
	return appendPadded(append(dst, "+48"...), 500_000_000+uint64(person), 9)
}

func (w *World) appendCard(dst []byte, person int32) []byte {
	return appendPadded(append(dst, 'L'), uint64(person), 8)
}

func (w *World) appendToken(dst []byte, person int32) []byte {
	return appendHex(append(dst, "tok_"...), mix3(w.opt.Seed, 13, uint64(person)))
}

// appendAnonymous writes the anonymous id of a device.
func (w *World) appendAnonymous(dst []byte, person int32, device int) []byte {
	return appendUUID(dst, mix3(w.opt.Seed, 17, uint64(person)), mix3(w.opt.Seed, 19+uint64(device), uint64(person)))
}

// appendPhoneDevice writes the id under which stores see the phone of a person
// with the app.
func (w *World) appendPhoneDevice(dst []byte, person int32) []byte {
	return appendHex(append(dst, "d-"...), mix3(w.opt.Seed, 23, uint64(person)))
}
