package naive

import (
	"iter"

	"touchstream/bench/peers/fact"
)

// Windows counts the events of each name in windows of fact.WindowMS. An event
// that comes after its window has closed is left out and counted as late.
func Windows(records iter.Seq[[]byte]) (rows []fact.Window, late int, err error) {
	type id struct {
		event string
		start int64
	}
	open := map[id]int64{}
	end := int64(0) // of the windows that closed last
	add := func(c *call, at int64) {
		start := at - at%fact.WindowMS
		if start+fact.WindowMS <= end {
			late++
			return
		}
		open[id{c.name(), start}]++
	}
	tick := func(watermark int64) {
		end = watermark - watermark%fact.WindowMS
		for w, n := range open {
			if w.start+fact.WindowMS <= watermark {
				rows = append(rows, fact.Window{Event: w.event, Start: w.start, Events: n})
				delete(open, w)
			}
		}
	}
	err = each(records, add, tick)
	return rows, late, err
}
