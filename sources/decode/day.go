package decode

import "encoding/binary"

// Day reads times such as 2026-03-02T10:00:00.123Z and remembers the newest day:
// most events are of the day of the one before.
type Day struct {
	yearMonth uint64 // the text 2026-03-, first byte lowest
	day       uint16 // the text 02
	base      int64  // the day's first millisecond
	known     bool
}

// The texts ..T10:00 and :00.123Z as words. Xor with these digits leaves the
// digits' values and zero for the signs between them; adding this room sets a
// byte's highest bit if its value is too large for its place.
const (
	minuteDigits, minuteRoom = 0x3030_3a_3030_54_0000, 0x767a_7f_767d_7f_7f7f
	secondDigits, secondRoom = 0x5a_303030_2e_3030_3a, 0x7f_767676_7f_767a_7f
)

// ISO8601 reads a time as milliseconds UTC; without an offset it is UTC. It is
// false for what is no time and for times before 1970.
func (d *Day) ISO8601(s []byte) (int64, bool) {
	if len(s) != 24 {
		return ISO8601(TrimBlanks(s))
	}
	w := binary.LittleEndian.Uint64(s[8:])
	if binary.LittleEndian.Uint64(s) != d.yearMonth || uint16(w) != d.day || !d.known {
		return d.newDay(s)
	}
	m := w&^0xffff ^ minuteDigits
	sec := binary.LittleEndian.Uint64(s[16:]) ^ secondDigits
	// Each byte becomes ten times itself and the one behind it.
	m2, sec2 := m*10+m>>8, sec*10+sec>>8
	hour := int64(m2 >> 24 & 0xff)
	odd := m | sec | (m + minuteRoom) | (sec + secondRoom)
	if odd&highs != 0 || hour > 23 {
		return ISO8601(TrimBlanks(s))
	}
	minute, second := int64(m2>>48&0xff), int64(sec2>>8&0xff)
	ms := int64(sec2>>32&0xff)*10 + int64(sec>>48&0xff)
	return d.base + (hour*3600+minute*60+second)*1000 + ms, true
}

// newDay reads a time of another day and remembers that.
func (d *Day) newDay(s []byte) (int64, bool) {
	ms, ok := ISO8601(TrimBlanks(s))
	if ok {
		midnight := [24]byte{10: 'T', '0', '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0', 'Z'}
		copy(midnight[:10], s)
		d.yearMonth, d.day = binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint16(s[8:])
		d.base, d.known = ISO8601(midnight[:])
	}
	return ms, ok
}
