package ropo

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
)

func TestMessageIDForms(t *testing.T) {
	f := func(text string, want idForm) {
		t.Helper()
		m, form := parseID([]byte(text))
		if form != want {
			t.Errorf("%q is kept in form %d, want %d", text, form, want)
		}
		got := text
		switch form {
		case uuidID:
			got = string(appendUUID(nil, m, 'a'))
		case upperUUIDID:
			got = string(appendUUID(nil, m, 'A'))
		}
		if got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
	f("01234567-89ab-cdef-fedc-ba9876543210", uuidID)
	f("ffffffff-ffff-ffff-ffff-ffffffffffff", uuidID)
	f("01234567-89AB-CDEF-FEDC-BA9876543210", upperUUIDID)
	f("01234567-8901-2345-6789-012345678901", uuidID) // no letter
	f("01234567-89aB-cdef-fedc-ba9876543210", textID) // both cases
	f("01234567-89ab-cdef-fedc-ba987654321", textID)
	f("01234567-89ab-cdef-fedc-ba98765432100", textID)
	f("0123456789ab-cdef-fedc-ba9876543210--", textID)
	f("m1", textID)
	f("", textID)
	// Each byte that is no digit, at each place.
	good := []byte("01234567-89ab-cdef-fedc-ba9876543210")
	for i := range good {
		for c := range 256 {
			if good[i] == '-' || bytes.IndexByte([]byte("0123456789abcdef"), byte(c)) < 0 {
				if bad := slices.Clone(good); byte(c) != good[i] {
					bad[i] = byte(c)
					f(string(bad), textID)
				}
			}
		}
	}
}

// TestTouchesSortByMessageID compares touches of one instant whose ids are of
// all forms with the keys that were made of the ids as they came.
func TestTouchesSortByMessageID(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 2))
	s := operator(t).NewShard(0).(*shard)
	var touches []touch
	var keys [][]byte
	for range 300 {
		var c source
		c.message = messageID{hi: uint64(d.IntN(2))<<32 | uint64(d.IntN(2)), lo: d.Uint64N(3)<<32 | d.Uint64N(3)}
		key := appendPosition(nil, c.message)
		if d.IntN(4) > 0 {
			id := fmt.Sprintf("%08x-%04x-4000-8000-%012x", d.IntN(3), d.IntN(3)*0xaaaa, d.IntN(3))
			id = []string{id, string(bytes.ToUpper([]byte(id))), id[:d.IntN(len(id))]}[d.IntN(3)]
			c.setID([]byte(id))
			key = append([]byte{keyOfText}, id...)
		}
		kept := touch{message: c.message, form: c.form}
		if c.form == textID {
			kept.message.lo = uint64(s.arena.Put(c.id))
		}
		var again source
		if again.setKey(key); again.form != c.form || !bytes.Equal(again.id, c.id) || c.form != textID && again.message != c.message {
			t.Fatalf("%q is read as %v of form %d, want %v of form %d", key, again.message, again.form, c.message, c.form)
		}
		if got := s.keyOf(&kept); !bytes.Equal(got, key) {
			t.Fatalf("key %q, want %q", got, key)
		}
		touches, keys = append(touches, kept), append(keys, key)
	}
	for i := range touches {
		for j := range touches {
			if got, want := s.touchLess(&touches[i], &touches[j]), bytes.Compare(keys[i], keys[j]) < 0; got != want {
				t.Fatalf("is %q before %q: %v, want %v", keys[i], keys[j], got, want)
			}
		}
	}
}

// TestKeysArePositions holds the key of a row without message id against its
// parts.
func TestKeysArePositions(t *testing.T) {
	l, err := pipetest.Parse("10:00 page profile=a")
	if err != nil {
		t.Fatal(err)
	}
	b := l.Batch(0)
	b.Origin[0], b.Offset[0], b.Element[0] = 0x01020304, 0x05060708090a0b0c, 0x0d0e0f10
	b.Head[0].Flags |= event.IsPositional
	s := operator(t).NewShard(0).(*shard)
	if got, want := s.key(b, 0), []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"); !bytes.Equal(got, want) {
		t.Errorf("key %x, want %x", got, want)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add([]byte("01234567-89ab-cdef-fedc-ba9876543210"))
	s := operator(f).NewShard(0).(*shard)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, form := parseID(text)
		if form == textID {
			m.lo = uint64(s.arena.Put(text))
		}
		if got := s.keyOf(&touch{message: m, form: form}); string(got[1:]) != string(text) {
			t.Errorf("%q comes back as %q", text, got[1:])
		}
	})
}
