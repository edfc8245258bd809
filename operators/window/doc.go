// Package window counts, sums and measures events by any key over tumbling,
// sliding and session windows. Each configured window is an Operator of its
// own with a table window_<name>.
//
// # Windows
//
// Windows are [start, end). A tumbling or sliding window closes when the
// watermark reaches its end. Sizes and slides of whole days follow the local
// calendar of the zone: they begin at local midnight (plus offset, by the wall
// clock), counted in days from 1970-01-01, which was a Thursday; a day can
// have 23 or 25 hours. All other sizes are fixed lengths from the instant at
// which 1970-01-01 began in the zone, plus offset: with daylight saving a
// window of 6h begins one hour later by the wall clock in summer. Time before
// 1970 counts backwards from there. A sliding window is put together from
// panes of the greatest common divisor of size and slide.
//
// A session window holds events of one key that are at most the gap apart. It
// starts with its first event, its end is its last event plus the gap, and it
// closes when the watermark is past that.
//
// Windows without events leave no row.
//
// # Late events
//
// A late event counts in every window whose end plus allowed_lateness is not
// before the watermark that the event is measured against (in sessions: event
// time plus gap plus allowed_lateness). A closed window that takes one is
// written again with a higher revision at the end of the step. In session
// windows a late event can move the start or join two windows: the row of a
// start that is no more gets a tombstone.
//
// # Emission
//
// on_close writes a window when it closes. early: d also writes windows that
// have changed whenever the watermark passes a multiple of d. on_change writes,
// at the end of each step, every window that changed in it. is_final is set
// from the close on.
//
// # Items
//
// If key, filter or aggregates name product_id, sku, category, brand, variant,
// quantity or price, the window runs over items: every item of an event counts,
// an event without items counts as one, amount is the item's, and an event's
// coupon stands in for that of an item without one.
//
// # Aggregates
//
// Absent values are skipped. Of nothing, counts are 0 and everything else is
// absent. No result depends on the order of events.
//
//	count()          events or items; count(x): those that have an x
//	sum(x)           exact; of amounts and floats (rounded to 4 places) with 4 places, of numbers and flags whole
//	avg(x), stddev(x) from exact sums; stddev is the sample's, absent below two values
//	min(x), max(x)   of any type; texts by their bytes
//	first(x), last(x) by (event time, rank, message id, item)
//	uniq(x)          exact to 512 values, then HyperLogLog with precision 14
//	uniq_exact(x)    by 128-bit hashes, to 12 million values
//	quantile(x, p)   DDSketch with 1 % relative error, kept within the extremes
//	top(x, k)        the k most frequent values, ties by value; exact to 100,000 values, others that come later are left out and counted
//
// # Memory
//
// max_windows bounds the windows of groups in memory. When it is reached, the
// window that is next to close is written as it stands and forgotten, if it
// ends before the one that needs room; else the new one is refused. Events of
// what was refused or forgotten are left out. Both are counted as evicted.
package window
