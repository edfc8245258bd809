package decode

import (
	"fmt"
	"strings"
	"time"
	"unsafe"

	"touchstream/pipeline/venue"
)

// TimeFormat reads times of one format. It is used by one goroutine at a time;
// copies are independent.
type TimeFormat struct {
	name  string
	shift int // unix formats: power of ten from the number to milliseconds
	// layout is a Go layout; steps are its compiled form, nil if it has none.
	layout string
	steps  []layoutStep
	zone   *time.Location // of texts without an offset; nil: an offset must be there
	named  bool           // the layout names an offset or a zone

	// The zone's offset in ms between two transitions, UTC ms.
	from, to, offset int64
}

// timeMax is the last time that is read: the end of the year 9999.
const timeMax = 253_402_300_799_999

// NewTimeFormat compiles a format: unix_s, unix_ms, unix_us, rfc3339 or a Go
// layout. zone names the time zone of texts that carry no offset, "" is UTC for
// layouts and none for rfc3339. A local time that daylight saving skips is the
// instant after the gap, a doubled one the first.
func NewTimeFormat(format, zone string) (*TimeFormat, error) {
	f := &TimeFormat{name: format}
	if zone != "" {
		loc, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" {
			return nil, fmt.Errorf("zone %q is no time zone such as Europe/Warsaw", zone)
		}
		f.zone = loc
	}
	switch format {
	case "unix_s", "unix_ms", "unix_us":
		if zone != "" {
			return nil, fmt.Errorf("zone %s has no meaning beside format %s, which is UTC", zone, format)
		}
		f.shift = map[string]int{"unix_s": 3, "unix_ms": 0, "unix_us": -3}[format]
		return f, nil
	case "rfc3339", "":
		f.name = "rfc3339"
		return f, nil
	}
	if err := checkLayout(format); err != nil {
		return nil, err
	}
	f.layout, f.steps = format, compileLayout(format)
	f.named = strings.Contains(format, "Z07") || strings.Contains(format, "-07") || strings.Contains(format, "MST")
	if f.zone == nil {
		f.zone = time.UTC
	}
	return f, nil
}

// checkLayout refuses texts that do not name year, month and day in Go's way.
func checkLayout(layout string) error {
	probe := time.Date(2017, 11, 23, 0, 0, 0, 0, time.UTC)
	back, err := time.Parse(layout, probe.Format(layout))
	if err != nil || !back.Equal(probe) {
		return fmt.Errorf("format %q is neither unix_s, unix_ms, unix_us, rfc3339 nor a Go layout with year, month and day, such as 2006-01-02 15:04:05", layout)
	}
	return nil
}

// String is the format as configured.
func (f *TimeFormat) String() string { return f.name }

// Parse reads a time as milliseconds UTC. It is false for what is no time of
// the format and for times before 1970.
func (f *TimeFormat) Parse(s []byte) (int64, bool) {
	var ms int64
	var ok bool
	switch {
	case f.layout != "":
		ms, ok = f.parseLayout(s)
	case f.name == "rfc3339":
		ms, ok = f.parseRFC3339(s)
	default:
		var d decimal
		if d, ok = parseDecimal(s, '.'); ok {
			ms, _, ok = d.whole(f.shift)
		}
	}
	return ms, ok && ms >= 0 && ms <= timeMax
}

// RFC3339 reads a time with an offset; a blank may stand in place of the T.
func RFC3339(s []byte) (int64, bool) {
	f := TimeFormat{name: "rfc3339"}
	return f.Parse(s)
}

// clock is a time as read, before its zone is known.
type clock struct {
	year, month, day, hour, minute, second int
	ms                                     int64
	offset                                 int64 // ms east of UTC
	hasOffset                              bool
}

func (c *clock) valid() bool {
	return c.month-1 < 12 && c.month > 0 && c.day > 0 && c.day <= daysIn(c.year, c.month) &&
		c.hour < 24 && c.minute < 60 && c.second < 60
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// local gives the milliseconds from 1970 as if the clock showed UTC.
func (c *clock) local() int64 {
	y, m := int64(c.year), int64(c.month)
	if m <= 2 {
		y, m = y-1, m+12
	}
	era := (y + 400) / 400 // years are never negative
	ofEra := y + 400 - era*400
	ofYear := (153*(m-3)+2)/5 + int64(c.day) - 1
	days := era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468 - 146097
	return (days*86400+int64(c.hour)*3600+int64(c.minute)*60+int64(c.second))*1000 + c.ms
}

// resolve applies the clock's own offset or the format's zone.
func (f *TimeFormat) resolve(c *clock) (int64, bool) {
	if !c.valid() {
		return 0, false
	}
	local := c.local()
	if c.hasOffset {
		return local - c.offset, true
	}
	if f.zone == nil {
		return 0, false
	}
	const day = 86_400_000
	if utc := local - f.offset; utc-day >= f.from && utc+day < f.to {
		return utc, true
	}
	return f.instant(local), true
}

// instant is the time at which clocks in the format's zone show a local one.
func (f *TimeFormat) instant(local int64) int64 {
	ms := venue.Instant(f.zone, local)
	f.remember(time.UnixMilli(ms).In(f.zone))
	return ms
}

// remember keeps the zone's offset around t.
func (f *TimeFormat) remember(t time.Time) {
	_, seconds := t.Zone()
	start, end := t.ZoneBounds()
	f.offset, f.from, f.to = int64(seconds)*1000, -timeMax, timeMax
	if !start.IsZero() {
		f.from = start.UnixMilli()
	}
	if !end.IsZero() {
		f.to = end.UnixMilli()
	}
}

// parseRFC3339 reads 2006-01-02T15:04:05.999Z and its kin.
func (f *TimeFormat) parseRFC3339(s []byte) (int64, bool) {
	var c clock
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' || s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return 0, false
	}
	var ok [6]bool
	c.year, ok[0] = digits(s[0:4])
	c.month, ok[1] = digits(s[5:7])
	c.day, ok[2] = digits(s[8:10])
	c.hour, ok[3] = digits(s[11:13])
	c.minute, ok[4] = digits(s[14:16])
	c.second, ok[5] = digits(s[17:19])
	if ok != [6]bool{true, true, true, true, true, true} {
		return 0, false
	}
	i := 19 + fraction(s[19:], &c)
	if i == len(s) {
		return f.resolve(&c)
	}
	if s[i] == ' ' {
		i++
	}
	if n := offset(s[i:], &c, true); n == 0 || i+n != len(s) {
		return 0, false
	}
	return f.resolve(&c)
}

// digits reads a number of decimal digits alone.
func digits(s []byte) (int, bool) {
	v := 0
	for _, ch := range s {
		if ch-'0' > 9 {
			return 0, false
		}
		v = v*10 + int(ch-'0')
	}
	return v, true
}

// fraction reads .123456 or ,123 into whole milliseconds and gives its length,
// 0 if there is none.
func fraction(s []byte, c *clock) int {
	if len(s) < 2 || s[0] != '.' && s[0] != ',' || s[1]-'0' > 9 {
		return 0
	}
	i, scale := 1, int64(100)
	for ; i < len(s) && s[i]-'0' < 10; i++ {
		c.ms += int64(s[i]-'0') * scale
		scale /= 10
	}
	return i
}

// offset reads Z, +hh:mm or +hhmm and gives its length, 0 if there is none.
func offset(s []byte, c *clock, isZulu bool) int {
	if len(s) == 0 {
		return 0
	}
	if isZulu && (s[0] == 'Z' || s[0] == 'z') {
		c.hasOffset = true
		return 1
	}
	if s[0] != '+' && s[0] != '-' || len(s) < 5 {
		return 0
	}
	n, at := 5, 3
	if s[3] == ':' {
		n, at = 6, 4
	}
	if len(s) < n {
		return 0
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := digits(s[at : at+2])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0
	}
	c.offset, c.hasOffset = int64(h*60+m)*60_000, true
	if s[0] == '-' {
		c.offset = -c.offset
	}
	return n
}

// parseLayout runs the compiled layout; what that does not read goes to the
// time package, which decides.
func (f *TimeFormat) parseLayout(s []byte) (int64, bool) {
	var c clock
	if f.steps != nil && runLayout(f.steps, s, &c) && c.valid() {
		return f.resolve(&c)
	}
	if len(s) == 0 {
		return 0, false
	}
	zone := f.zone
	if !f.named {
		zone = time.UTC
	}
	t, err := time.ParseInLocation(f.layout, unsafe.String(&s[0], len(s)), zone)
	if err != nil {
		return 0, false
	}
	if !f.named {
		return f.instant(t.UnixMilli()), true
	}
	return t.UnixMilli(), true
}

// layoutStep reads one part of a layout: a fixed number of digits into a field
// of the clock, a fraction, an offset or a literal character.
type layoutStep struct {
	field   layoutField
	width   int
	literal byte
}

type layoutField uint8

const (
	literalField layoutField = iota
	yearField
	monthField
	dayField
	hourField
	minuteField
	secondField
	colonOffsetField
	plainOffsetField
)

// layoutParts are the parts of a layout that the fast reader knows.
var layoutParts = [...]struct {
	text  string
	field layoutField
}{
	{"2006", yearField}, {"01", monthField}, {"02", dayField}, {"15", hourField}, {"04", minuteField}, {"05", secondField},
	{"Z07:00", colonOffsetField}, {"Z0700", plainOffsetField},
}

// compileLayout gives nil for layouts with parts that it does not know, such
// as month names and 12-hour clocks.
func compileLayout(layout string) []layoutStep {
	var steps []layoutStep
next:
	for layout != "" {
		for _, p := range layoutParts {
			if strings.HasPrefix(layout, p.text) {
				steps = append(steps, layoutStep{field: p.field, width: len(p.text)})
				layout = layout[len(p.text):]
				continue next
			}
		}
		c := layout[0]
		if strings.IndexByte("T-/:. ", c) < 0 || strings.HasPrefix(layout, "-07") || isFraction(layout) {
			return nil
		}
		steps = append(steps, layoutStep{literal: c})
		layout = layout[1:]
	}
	return steps
}

// isFraction reports whether a layout goes on with a fraction such as .000.
func isFraction(layout string) bool {
	if len(layout) < 2 || layout[0] != '.' || layout[1] != '0' && layout[1] != '9' {
		return false
	}
	rest := strings.TrimLeft(layout[1:], layout[1:2])
	return rest == "" || rest[0]-'0' > 9
}

func runLayout(steps []layoutStep, s []byte, c *clock) bool {
	fields := [...]*int{yearField: &c.year, monthField: &c.month, dayField: &c.day, hourField: &c.hour, minuteField: &c.minute, secondField: &c.second}
	for _, st := range steps {
		switch st.field {
		case literalField:
			if len(s) == 0 || s[0] != st.literal {
				return false
			}
			s = s[1:]
		case colonOffsetField, plainOffsetField:
			n := offset(s, c, len(s) > 0 && s[0] == 'Z')
			if n == 0 || n > 1 && (n == 6) != (st.field == colonOffsetField) {
				return false
			}
			s = s[n:]
		default:
			if len(s) < st.width {
				return false
			}
			v, ok := digits(s[:st.width])
			if !ok {
				return false
			}
			*fields[st.field] = v
			s = s[st.width:]
			if st.field == secondField {
				s = s[fraction(s, c):]
			}
		}
	}
	return len(s) == 0
}

// ISO8601 is RFC3339 in which the offset may be left out: then it is UTC.
func ISO8601(s []byte) (int64, bool) {
	f := TimeFormat{name: "rfc3339", zone: time.UTC, from: -timeMax, to: timeMax}
	return f.Parse(s)
}

// UnixMicros reads microseconds from 1970.
func UnixMicros(s []byte) (int64, bool) {
	f := TimeFormat{name: "unix_us", shift: -3}
	return f.Parse(s)
}
