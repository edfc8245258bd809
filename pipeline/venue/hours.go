package venue

import (
	"fmt"
	"strings"
	"time"

	"touchstream/pipeline/config"
)

const dayMs = 86_400_000

// Hours are weekly opening hours in local time. Days that are not named are
// closed.
type Hours struct {
	days [7][]Range // by time.Weekday
}

// A Range is an opening of one day, [Open, Close) in ms from midnight; Close is
// over a day when it closes after midnight.
type Range struct{ Open, Close int64 }

// Day is the openings that begin on a weekday, in order. The slice is the
// Hours' own.
func (h *Hours) Day(d time.Weekday) []Range { return h.days[d] }

// IsOpen reports whether it is open at the time, in ms UTC. A local time that
// daylight saving skips is the instant after the gap, a doubled one the first.
func (h *Hours) IsOpen(ms int64, loc *time.Location) bool {
	local := time.UnixMilli(ms).In(loc)
	year, month, day := local.Date()
	for back := range 2 {
		date := time.Date(year, month, day-back, 0, 0, 0, 0, time.UTC)
		for _, r := range h.days[date.Weekday()] {
			if Instant(loc, date.UnixMilli()+r.Open) <= ms && ms < Instant(loc, date.UnixMilli()+r.Close) {
				return true
			}
		}
	}
	return false
}

// Instant is the time in ms UTC at which clocks in the zone show a local time,
// given in ms as if it were UTC. A local time that daylight saving skips is
// the instant after the gap, a doubled one the first.
func Instant(loc *time.Location, local int64) int64 {
	before, after := offset(loc, local-dayMs), offset(loc, local+dayMs)
	early, late := local-max(before, after), local-min(before, after)
	switch {
	case offset(loc, early) == local-early:
		return early
	case offset(loc, late) == local-late:
		return late
	}
	start, _ := time.UnixMilli(late).In(loc).ZoneBounds()
	return start.UnixMilli()
}

func offset(loc *time.Location, ms int64) int64 {
	_, seconds := time.UnixMilli(ms).In(loc).Zone()
	return int64(seconds) * 1000
}

var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// DeclareHours declares weekly opening hours such as
// {mon-fri: "09:00-13:00,14:00-18:00", sun: closed}. The result is nil without
// the key.
func DeclareHours(s *config.Section, key, doc string) *Hours {
	if !s.Has(key) && !s.Describing() {
		s.Values(key, "map of hours", doc, func(string, *config.Value) {})
		return nil
	}
	h := &Hours{}
	var given [7]bool
	s.Values(key, "map of hours", doc, func(name string, v *config.Value) {
		if s.Describing() {
			return
		}
		days, ok := parseDays(name)
		if !ok {
			v.Fault("a day or days such as mon, mon-fri or sat,sun are expected, found %q", name)
			return
		}
		text, ok := v.Text()
		if !ok {
			v.Expected(`hours such as "09:00-21:00", or closed`)
			return
		}
		ranges, err := parseRanges(text)
		if err != nil {
			v.Fault("%v", err)
			return
		}
		for _, d := range days {
			if given[d] {
				v.Fault("%s is given twice", weekdays[d])
				continue
			}
			given[d], h.days[d] = true, ranges
		}
	})
	s.Check(func() { h.check(s, key) }, key)
	return h
}

// check finds openings that last into the next day's.
func (h *Hours) check(s *config.Section, key string) {
	for d := range h.days {
		if len(h.days[d]) == 0 {
			continue
		}
		last := h.days[d][len(h.days[d])-1]
		next := h.days[(d+1)%7]
		if last.Close > dayMs && len(next) > 0 && last.Close-dayMs > next[0].Open {
			s.Fault(key, "%s is open until %s of the next day, but %s opens at %s",
				weekdays[d], config.FormatTimeOfDay(last.Close-dayMs), weekdays[(d+1)%7], config.FormatTimeOfDay(next[0].Open))
		}
	}
}

// parseDays reads mon, mon-fri, sat-mon or mon,wed-fri.
func parseDays(s string) ([]int, bool) {
	var days []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, ok1 := parseDay(first)
		to, ok2 := parseDay(last)
		if !ok1 || !ok2 {
			return nil, false
		}
		for d := from; ; d = (d + 1) % 7 {
			days = append(days, d)
			if d == to {
				break
			}
		}
	}
	return days, true
}

func parseDay(s string) (int, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	for d, name := range weekdays {
		if s == name || s == strings.ToLower(time.Weekday(d).String()) {
			return d, true
		}
	}
	return 0, false
}

// parseRanges reads closed, or openings of one day in order.
func parseRanges(s string) ([]Range, error) {
	if strings.TrimSpace(s) == "closed" {
		return nil, nil
	}
	var ranges []Range
	for part := range strings.SplitSeq(s, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		open, err1 := config.ParseTimeOfDay(strings.TrimSpace(from))
		end, err2 := config.ParseTimeOfDay(strings.TrimSpace(to))
		if !ok || err1 != nil || err2 != nil || open == dayMs {
			return nil, fmt.Errorf(`hours such as "09:00-21:00" or "09:00-13:00,14:00-18:00", or closed, are expected, found %q`, s)
		}
		if open == end {
			return nil, fmt.Errorf("%q opens and closes at once; all day is 00:00-24:00", s)
		}
		if end < open {
			end += dayMs
		}
		if n := len(ranges); n > 0 && open < ranges[n-1].Close {
			return nil, fmt.Errorf("the openings in %q overlap or are out of order", s)
		}
		ranges = append(ranges, Range{open, end})
	}
	return ranges, nil
}
