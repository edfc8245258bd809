package crowd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// oracleWindow is what the oracle says about one zone and window.
type oracleWindow struct {
	spot                           spot
	size, start                    int64
	integral, highest, end         int64
	entries, exits, uniques        int64
	sensed                         bool
	dwells                         []int64
	isCounted, isZero, isEstimated bool
	wasOccupied                    bool // until its counts began
	density                        float64
}

// text lists the rows as pipetest.Result.Final does.
func (o *oracle) text(l *pipetest.Log, omit ...string) string {
	t := pipeline.NewTurn(pipetest.Hasher(), []*schema.Table{Table, Flows})
	for _, size := range o.cfg.Windows {
		rows := o.windows(size)
		for i := range rows {
			o.put(t.Out(0), &rows[i])
		}
		o.putFlows(t.Out(1), size)
		if size == slices.Max(o.cfg.Windows) {
			o.alerts(t, rows)
		}
	}
	var lines []string
	for _, rows := range []*schema.Rows{t.Out(0), t.Out(1), t.TriggerRows()} {
		if rows.N > 0 {
			lines = append(lines, strings.Split(strings.TrimSuffix(pipetest.Text(l, rows, omit...), "\n"), "\n")...)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// windows finds the rows of all zones for one window length, zone by zone.
func (o *oracle) windows(size int64) []oracleWindow {
	spots := map[spot]bool{}
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	note := func(at spot, t int64) {
		spots[at] = true
		first, last = min(first, t), max(last, t)
	}
	for _, s := range o.stays {
		note(s.spot, s.from)
		note(s.spot, s.to)
	}
	counts := map[spot][]oracleCount{}
	for at := range o.counts {
		counts[at] = o.levels(at)
		for _, c := range counts[at] {
			note(at, c.at)
		}
	}
	var rows []oracleWindow
	for _, at := range sortedSpots(spots) {
		owes, estimated := false, false
		for start := floor(first, size); start <= last+size; start += size {
			w := o.window(at, size, start, counts[at])
			if w.uniques > 0 {
				estimated = w.sensed || o.calibration(at) != 1
			}
			if w.isZero && w.exits == 0 && !owes && !w.wasOccupied {
				continue
			}
			owes = !w.isZero
			w.isEstimated = estimated && !w.isCounted
			rows = append(rows, w)
		}
	}
	return rows
}

func (o *oracle) calibration(at spot) float64 {
	if z := o.zone(at); z != nil {
		return z.Calibration
	}
	return 1
}

// levels turns the counts of a zone, with its resets, into occupancies: in is
// the number of people from at on.
func (o *oracle) levels(at spot) []oracleCount {
	var out []oracleCount
	n := int64(0)
	all := o.counts[at]
	for i, c := range all {
		n = max(0, n+c.in-c.out)
		out = append(out, oracleCount{at: c.at, in: n})
		next := int64(math.MaxInt64)
		if i+1 < len(all) {
			next = all[i+1].at
		}
		if reset := o.nextReset(at.store, o.cfg.CounterReset, c.at); n > 0 && reset < next {
			n = 0
			out = append(out, oracleCount{at: reset})
		}
	}
	return out
}

func (o *oracle) window(at spot, size, start int64, levels []oracleCount) oracleWindow {
	end := start + size
	w := oracleWindow{spot: at, size: size, start: start}
	z := o.zone(at)
	countedFrom := int64(math.MaxInt64)
	if z != nil && z.HasCounter {
		countedFrom = math.MinInt64
	}
	if all := o.counts[at]; len(all) > 0 {
		countedFrom = min(countedFrom, all[0].at)
	}
	w.isCounted = countedFrom < end
	changes := []int64{start}
	present := map[string]bool{}
	for _, s := range o.stays {
		if s.spot != at {
			continue
		}
		in := func(t int64) bool { return start <= t && t < end }
		if in(s.from) || s.from < start && s.to > start {
			present[s.device] = true
			sensedTo := min(s.to, s.explicitAt)
			if s.explicitAt != s.from && (in(s.from) || sensedTo > start) {
				w.sensed = true
			}
		}
		if in(countedFrom) && (s.from < countedFrom && s.to > start || in(s.from) && s.order < o.counts[at][0].order) {
			w.wasOccupied = true
		}
		if in(s.from) && !w.isCounted {
			w.entries++
		}
		if in(s.to) && s.isExit {
			if !w.isCounted {
				w.exits++
			}
			w.dwells = append(w.dwells, s.last-s.from)
		}
		changes = append(changes, s.from, s.to)
	}
	for _, c := range o.counts[at] {
		if start <= c.at && c.at < end {
			w.entries, w.exits = w.entries+c.in, w.exits+c.out
		}
	}
	for _, c := range levels {
		changes = append(changes, c.at)
	}
	slices.Sort(changes)
	changes = slices.Compact(slices.DeleteFunc(changes, func(t int64) bool { return t < start || t >= end }))
	for i, t := range changes {
		until := end
		if i+1 < len(changes) {
			until = changes[i+1]
		}
		w.end = o.people(at, t, w.isCounted, levels)
		w.highest = max(w.highest, w.end)
		w.integral += w.end * (until - t)
	}
	w.uniques = int64(len(present))
	w.isZero = w.highest == 0 && w.entries == 0
	return w
}

// people is the number in the zone at t, before calibration.
func (o *oracle) people(at spot, t int64, isCounted bool, levels []oracleCount) int64 {
	n := int64(0)
	if isCounted {
		for _, c := range levels {
			if c.at <= t {
				n = c.in
			}
		}
		return n
	}
	for _, s := range o.stays {
		if s.spot == at && s.from <= t && t < s.to {
			n++
		}
	}
	return n
}

// oracleRank is the smallest value that at least p of 100 do not exceed.
func oracleRank(values []int64, p int) int64 {
	slices.Sort(values)
	for i, v := range values {
		if (i+1)*100 >= p*len(values) {
			return v
		}
	}
	return schema.Absent
}

func (o *oracle) put(out *schema.Rows, w *oracleWindow) {
	z := o.zone(w.spot)
	scale := o.calibration(w.spot)
	if w.isCounted {
		scale = 1
	}
	average := float64(w.integral) / float64(w.size) * scale
	w.density = math.NaN()
	level, share := "", math.NaN()
	if z != nil && z.AreaM2 > 0 {
		w.density = average / z.AreaM2
		level = oracleLevel(w.density)
	}
	if z != nil && z.Capacity > 0 {
		share = average / float64(z.Capacity)
	}
	out.Begin()
	out.String(w.spot.store)
	out.String(w.spot.zone)
	out.Int(w.size)
	out.Time(w.start)
	out.Float(average)
	out.Float(float64(w.highest) * scale)
	out.Float(float64(w.end) * scale)
	out.Float(float64(w.entries) * scale)
	out.Float(float64(w.exits) * scale)
	out.Float(float64(w.uniques) * o.calibration(w.spot))
	out.Int(oracleRank(w.dwells, 50))
	out.Int(oracleRank(w.dwells, 90))
	out.Float(w.density)
	out.String(level)
	out.Float(share)
	out.Flag(w.isEstimated)
	out.Int(1)
	out.End()
}

func oracleLevel(density float64) string {
	switch {
	case density <= 0.31:
		return "A"
	case density <= 0.43:
		return "B"
	case density <= 0.72:
		return "C"
	case density <= 1.08:
		return "D"
	case density <= 2.15:
		return "E"
	}
	return "F"
}

func (o *oracle) putFlows(out *schema.Rows, size int64) {
	type key struct {
		store, from, to string
		start           int64
	}
	transits := map[key][]int64{}
	for _, m := range o.moves {
		k := key{m.store, m.from, m.to, floor(m.at, size)}
		transits[k] = append(transits[k], m.transit)
	}
	for k, v := range transits {
		out.Begin()
		out.String(k.store)
		out.String(k.from)
		out.String(k.to)
		out.Int(size)
		out.Time(k.start)
		out.Int(int64(len(v)))
		out.Int(oracleRank(v, 50))
		out.Int(1)
		out.End()
	}
}

// alerts goes through the windows of each zone with an area.
func (o *oracle) alerts(t *pipeline.Turn, rows []oracleWindow) {
	type alert struct {
		kind string
		w    oracleWindow
		hot  int64
	}
	var all []alert
	hot, raised := map[spot]int{}, map[spot]bool{}
	for _, w := range rows {
		if math.IsNaN(w.density) {
			continue
		}
		level := oracleLevel(w.density)
		if level >= "E" {
			hot[w.spot]++
			if hot[w.spot] >= 2 && !raised[w.spot] {
				raised[w.spot] = true
				all = append(all, alert{"crowd.raised", w, w.start - w.size})
			}
			continue
		}
		hot[w.spot] = 0
		if level <= "C" && raised[w.spot] {
			raised[w.spot] = false
			all = append(all, alert{"crowd.cleared", w, w.start})
		}
	}
	for _, a := range all {
		name := o.zone(a.w.spot).Name
		reason := fmt.Sprintf("%s is at level %s of service again", name, oracleLevel(a.w.density))
		if a.kind == "crowd.raised" {
			reason = fmt.Sprintf("%s is at level %s of service for 2 windows of %s", name, oracleLevel(a.w.density), config.FormatDuration(a.w.size))
			if z := o.nearest(a.w, rows); z >= 0 {
				reason += fmt.Sprintf("; %d of the staff could come from %s", o.venue.Zones[z].Staff, o.venue.Zones[z].Name)
			}
		}
		end := a.w.start + a.w.size
		t.Trigger(&pipeline.Trigger{
			Kind: a.kind, Purpose: "staff", Subject: []byte(a.w.spot.zone), Entity: []byte(a.w.spot.store + "/" + a.w.spot.zone), Reason: reason,
			Occurred: a.hot, Due: end, Decided: end, Expires: end + 24*3_600_000,
		})
	}
}

// nearest measures the way between all pairs of zones of the store.
func (o *oracle) nearest(w oracleWindow, rows []oracleWindow) int {
	zones := o.venue.Zones
	const far = 1_000_000
	way := make([][]int, len(zones))
	self := -1
	for i := range zones {
		way[i] = make([]int, len(zones))
		for k := range zones {
			way[i][k] = far
			if slices.Contains(zones[i].Neighbours, k) {
				way[i][k] = 1
			}
		}
		if zones[i].ID == w.spot.zone && o.venue.Stores[zones[i].Store].ID == w.spot.store {
			self = i
		}
	}
	for m := range zones {
		for i := range zones {
			for k := range zones {
				way[i][k] = min(way[i][k], way[i][m]+way[m][k])
			}
		}
	}
	best := -1
	for i := range zones {
		if i == self || zones[i].Store != zones[self].Store || zones[i].Staff == 0 || !o.hasSlack(i, w, rows) {
			continue
		}
		if best < 0 || min(way[self][i], far) < min(way[self][best], far) {
			best = i
		}
	}
	return best
}

func (o *oracle) hasSlack(zone int, at oracleWindow, rows []oracleWindow) bool {
	z := o.venue.Zones[zone]
	for _, r := range rows {
		if r.start != at.start || r.spot.zone != z.ID || r.spot.store != o.venue.Stores[z.Store].ID {
			continue
		}
		if z.AreaM2 == 0 {
			return r.highest == 0
		}
		return oracleLevel(r.density) <= "C"
	}
	return true
}
