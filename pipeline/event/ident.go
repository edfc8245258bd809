package event

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/dchest/siphash"
)

// Hash is a keyed 128-bit hash; zero is absent.
type Hash struct{ Hi, Lo uint64 }

// IsZero reports whether the hash is absent.
func (h Hash) IsZero() bool { return h.Hi|h.Lo == 0 }

// IsProvisional reports whether a profile's hash stands for a reference whose
// person is not known yet: such a profile is shown as none.
func (h Hash) IsProvisional() bool { return h.Lo == 0 && h.Hi != 0 }

// Less orders hashes.
func (h Hash) Less(o Hash) bool {
	if h.Hi != o.Hi {
		return h.Hi < o.Hi
	}
	return h.Lo < o.Lo
}

// AppendHex appends the 32 hexadecimal digits of the hash; nothing when absent
// or provisional.
func (h Hash) AppendHex(dst []byte) []byte {
	if h.Lo == 0 {
		return dst
	}
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], h.Hi)
	binary.BigEndian.PutUint64(raw[8:], h.Lo)
	return hex.AppendEncode(dst, raw[:])
}

// String gives the 32 hexadecimal digits of the hash.
func (h Hash) String() string { return string(h.AppendHex(nil)) }

// Shard maps the hash to one of n shards.
func (h Hash) Shard(n int) int { return int((h.Hi >> 32) * uint64(n) >> 32) }

// Ident is the kind of an identifier, strongest first.
type Ident uint8

// The kinds of identifiers in falling order of strength.
const (
	IdentUser Ident = iota
	IdentLoyalty
	IdentEmail
	IdentPhone
	IdentPayment
	IdentAnonymous
	IdentDevice
	NumIdents = 7
)

// IdentColumns maps each kind to its column.
var IdentColumns = [NumIdents]Column{UserID, LoyaltyID, Email, Phone, PaymentToken, AnonymousID, DeviceID}

// String is the kind's name in tables.
func (k Ident) String() string { return IdentColumns[k].String() }

// Column is the column that holds the raw value.
func (k Ident) Column() Column { return IdentColumns[k] }

// IsAddressable reports whether the raw value may be kept and written.
func (k Ident) IsAddressable() bool { return k != IdentEmail && k != IdentPhone && k != IdentPayment }

// SessionKinds are the kinds that key a session, strongest first.
var SessionKinds = [...]Ident{IdentAnonymous, IdentDevice, IdentUser, IdentLoyalty}

// Hasher makes keyed hashes of identifiers and message ids.
type Hasher struct {
	k0, k1 uint64
	block  map[string]bool
	// sizes has a bit for each length in block, the highest one for all from 63 on.
	sizes      uint64
	hasAnyZero bool // zeros is in block
}

// NewHasher derives the hash key from the configured secret. Values in block
// are no identifiers; neither are empty values and, when block contains "0…0",
// runs of two or more zeros. A single 0 may well be somebody's number.
func NewHasher(secret string, block []string) *Hasher {
	k0, k1 := siphash.Hash128(0x746f756368737472, 0x65616d2d6b657931, []byte(secret))
	h := &Hasher{k0: k0, k1: k1, block: make(map[string]bool, len(block))}
	for _, b := range block {
		h.block[b] = true
		h.sizes |= 1 << min(len(b), 63)
	}
	h.hasAnyZero = h.block[zeros]
	return h
}

// zeros stands in a block list for every run of two or more zeros, with or
// without the dashes of a UUID.
const zeros = "0…0"

// IsBlocked reports whether the value is no identifier.
func (h *Hasher) IsBlocked(v []byte) bool {
	if len(v) == 0 || h.sizes>>min(len(v), 63)&1 == 1 && h.block[string(v)] {
		return true
	}
	if len(v) == 1 || v[0] != '0' || !h.hasAnyZero {
		return false
	}
	for _, c := range v {
		if c != '0' && c != '-' {
			return false
		}
	}
	return true
}

// Sum hashes a value in the name space of its tag.
func (h *Hasher) Sum(tag byte, v []byte) Hash {
	hi, lo := siphash.Hash128(h.k0^uint64(tag)<<56, h.k1, v)
	if lo == 0 {
		lo = 1
	}
	return Hash{hi, lo}
}

// Mix hashes a sequence of hashes into one, for ids of facts.
func (h *Hasher) Mix(tag byte, hs ...Hash) Hash {
	var buf [64]byte
	b := buf[:0]
	for _, x := range hs {
		b = binary.BigEndian.AppendUint64(b, x.Hi)
		b = binary.BigEndian.AppendUint64(b, x.Lo)
	}
	return h.Sum(tag, b)
}

// Tags of the name spaces of Sum. Identifiers use their Ident.
const (
	TagMessage byte = 16 + iota
	TagPosition
	TagOrder
	TagProfile
	TagSession
	TagFact
	TagTrigger
	TagText
)
