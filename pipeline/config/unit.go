package config

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

type unit struct {
	name  string
	value uint64
}

// Units are in microseconds, so that 500us is seen to be too fine instead of
// being cut to zero.
var durationUnits = []unit{
	{"d", 86_400_000_000}, {"h", 3_600_000_000}, {"m", 60_000_000}, {"s", 1_000_000},
	{"ms", 1_000}, {"us", 1}, {"µs", 1},
}

var sizeUnits = []unit{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

var countUnits = []unit{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}}

var errRange = errors.New("is too large")

// ParseDuration reads 30m, 1h30m, 30d or 1.5s into milliseconds.
func ParseDuration(s string) (int64, error) {
	const want = "a duration such as 30m, 90s or 30d"
	if s == "0" {
		return 0, nil
	}
	total := uint64(0)
	rest := s
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		letters := len(rest) - digits - len(strings.TrimLeft(rest[digits:], "dhmsuµ"))
		value, err := scaled(rest[:digits], rest[digits:digits+letters], durationUnits)
		if err != nil {
			return 0, orRange(want, err)
		}
		sum, carry := bits.Add64(total, value, 0)
		if carry != 0 || sum > math.MaxInt64 {
			return 0, errRange
		}
		total, rest = sum, rest[digits+letters:]
	}
	if s == "" {
		return 0, errors.New(want)
	}
	if total%1000 != 0 {
		return 0, errors.New("whole milliseconds")
	}
	return int64(total / 1000), nil
}

// orRange keeps a range fault and names the wanted form otherwise.
func orRange(want string, err error) error {
	if errors.Is(err, errRange) {
		return err
	}
	return errors.New(want)
}

// ParseSize reads 64MiB, 4GiB, 10MB or plain bytes.
func ParseSize(s string) (int64, error) {
	return parseUnit(s, sizeUnits, "a size such as 64MiB or 4GiB")
}

// ParseCount reads 50M, 100k or a plain number.
func ParseCount(s string) (int64, error) {
	return parseUnit(s, countUnits, "a count such as 50M, 100k or 4096")
}

func parseUnit(s string, units []unit, want string) (int64, error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789."))
	if digits == len(s) {
		units = []unit{{"", 1}}
	}
	value, err := scaled(s[:digits], strings.TrimLeft(s[digits:], " "), units)
	if err != nil {
		return 0, orRange(want, err)
	}
	return int64(value), nil
}

// scaled gives digits × the unit of that name; the product must be whole.
func scaled(digits, name string, units []unit) (uint64, error) {
	factor := uint64(0)
	for _, u := range units {
		if u.name == name {
			factor = u.value
		}
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if factor == 0 || whole == "" || len(fraction) > 6 || strings.HasSuffix(digits, ".") {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, errRange
		}
		return 0, err
	}
	high, value := bits.Mul64(n, factor)
	if high != 0 || value > math.MaxInt64 {
		return 0, errRange
	}
	if fraction == "" {
		return value, nil
	}
	f, err := strconv.ParseUint(fraction, 10, 32)
	if err != nil {
		return 0, err
	}
	power := uint64(1)
	for range fraction {
		power *= 10
	}
	part := f * factor
	if part%power != 0 || value+part/power > math.MaxInt64 {
		return 0, strconv.ErrSyntax
	}
	return value + part/power, nil
}

// FormatDuration writes milliseconds as 30d, 1h30m, 1.5s or 10ms.
func FormatDuration(ms int64) string {
	if ms <= 0 {
		if ms == 0 {
			return "0s"
		}
		return strconv.FormatInt(ms, 10) + "ms"
	}
	var b strings.Builder
	rest := uint64(ms)
	for _, u := range durationUnits[:5] {
		size := u.value / 1000
		if u.name == "d" && rest < 2*size {
			continue // 24h reads better than 1d
		}
		if n := rest / size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			rest %= size
		}
	}
	return b.String()
}

// FormatSize writes bytes as 64MiB.
func FormatSize(bytes int64) string {
	for _, u := range sizeUnits[:4] {
		if bytes > 0 && bytes%int64(u.value) == 0 {
			return strconv.FormatInt(bytes/int64(u.value), 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10)
}

// FormatCount writes a number as 50M.
func FormatCount(n int64) string {
	for _, u := range countUnits {
		if n >= int64(u.value) && n%int64(u.value) == 0 {
			return strconv.FormatInt(n/int64(u.value), 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

const minuteMs = 60_000

// ParseTimeOfDay reads 04:00 (to 24:00) into milliseconds from midnight.
func ParseTimeOfDay(s string) (int64, error) {
	want := errors.New("a time of day such as 09:00")
	if len(s) != 5 || s[2] != ':' {
		return 0, want
	}
	hour, err1 := strconv.ParseUint(s[:2], 10, 8)
	minute, err2 := strconv.ParseUint(s[3:], 10, 8)
	if err1 != nil || err2 != nil || minute > 59 || hour*60+minute > 24*60 {
		return 0, want
	}
	return int64(hour*60+minute) * minuteMs, nil
}

// FormatTimeOfDay writes milliseconds from midnight as 04:00; negative is none.
func FormatTimeOfDay(ms int64) string {
	if ms < 0 {
		return "none"
	}
	return fmt.Sprintf("%02d:%02d", ms/minuteMs/60, ms/minuteMs%60)
}
