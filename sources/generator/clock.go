package generator

import "time"

// zoneName is the time zone of every store and customer.
const zoneName = "Europe/Warsaw"

// zoneOffset gives the zone's distance from UTC: one hour, in summer two, from
// the last Sunday of March to that of October, 01:00 UTC.
func zoneOffset(utc int64) int64 {
	year := time.UnixMilli(utc).UTC().Year()
	if utc >= lastSunday(year, time.March)+hour && utc < lastSunday(year, time.October)+hour {
		return 2 * hour
	}
	return hour
}

func lastSunday(year int, month time.Month) int64 {
	end := time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -1)
	return end.AddDate(0, 0, -int(end.Weekday())).UnixMilli()
}

// weekday is 0 on Sundays; utc is a midnight.
func weekday(utc int64) int { return int((utc/day + 4) % 7) }

// Weights of the hours of a local day.
var (
	onlineHours = [24]int{7: 3, 8: 5, 9: 5, 10: 5, 11: 5, 12: 7, 13: 6, 14: 5, 15: 5, 16: 6, 17: 7, 18: 8, 19: 10, 20: 12, 21: 11, 22: 4}
	storeHours  = [24]int{9: 2, 10: 4, 11: 5, 12: 7, 13: 6, 14: 5, 15: 6, 16: 8, 17: 11, 18: 10, 19: 6}
	satHours    = [24]int{9: 3, 10: 7, 11: 10, 12: 12, 13: 12, 14: 12, 15: 11, 16: 9, 17: 7, 18: 5, 19: 3}
	sunHours    = [24]int{10: 5, 11: 8, 12: 10, 13: 10, 14: 9, 15: 8, 16: 5}
)

// dayWeight is the readiness to do something on a weekday, in percent.
var dayWeight = [7]int{120, 90, 85, 90, 95, 115, 165}

// storeWeight is the readiness to go to a store, in percent of other days.
var storeWeight = [7]int{90, 80, 80, 85, 95, 120, 220}

// onlineTime picks an instant of the day by the rhythm of online use.
func (w *World) onlineTime(d *dice, n int) int64 {
	return w.local(n, int64(d.pick(onlineHours[:]))*hour+d.between(0, 40*minute))
}

// storeTime picks an instant at which a visit may begin: the store is open and
// stays so for an hour.
func (w *World) storeTime(d *dice, n int) int64 {
	hours := storeHours[:]
	switch weekday(w.dayStart(n)) {
	case 0:
		hours = sunHours[:]
	case 6:
		hours = satHours[:]
	}
	return w.local(n, int64(d.pick(hours))*hour+d.between(5*minute, 55*minute))
}

func (w *World) dayStart(n int) int64 { return w.opt.StartMS + int64(n)*day }

// local gives the instant of a local time of day n; the times used are never
// within the hours at which clocks change.
func (w *World) local(n int, ofDay int64) int64 {
	midnight := w.dayStart(n)
	return midnight + ofDay - zoneOffset(midnight+12*hour)
}

// opening gives the instants at which stores open and close on day n.
func (w *World) opening(n int) (from, to int64) {
	if weekday(w.dayStart(n)) == 0 {
		return w.local(n, 10*hour), w.local(n, 18*hour)
	}
	return w.local(n, 9*hour), w.local(n, 21*hour)
}
