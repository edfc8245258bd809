package crowd

import (
	"encoding/json"
	"fmt"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/venue"
)

// levels are the levels of service; cuts the most persons per square metre of
// each but the last (J. J. Fruin, Pedestrian Planning and Design, walkways).
var (
	levels = [...]string{"A", "B", "C", "D", "E", "F"}
	cuts   = [...]float64{0.31, 0.43, 0.72, 1.08, 2.15}
)

const (
	noLevel      = 255 // of an occupied zone without an area
	raiseLevel   = 4   // E
	clearLevel   = 2   // C
	raiseWindows = 2
)

func levelOf(density float64) uint8 {
	for i, cut := range cuts {
		if density <= cut {
			return uint8(i)
		}
	}
	return uint8(len(cuts))
}

// judge raises and clears alerts of the zones that had a row in the window.
func (s *shard) judge(start, size int64) {
	for _, id := range s.rows {
		z := s.zones.MutAt(id)
		if z.index < 0 || s.op.venue.Zones[z.index].AreaM2 == 0 || z.levelAt != start {
			continue
		}
		if z.level < raiseLevel {
			z.crowded = 0
			if z.raised && z.level <= clearLevel {
				z.raised = false
				s.alert("crowd.cleared", id, start, size)
			}
			continue
		}
		if z.crowded == 0 {
			z.hotAt = start
		}
		z.crowded = min(z.crowded+1, raiseWindows)
		if z.crowded == raiseWindows && !z.raised {
			z.raised = true
			s.alert("crowd.raised", id, start, size)
		}
	}
}

func (s *shard) alert(kind string, id uint32, start, size int64) {
	z := s.zones.At(id)
	at := &s.op.venue.Zones[z.index]
	st := &s.op.venue.Stores[at.Store]
	end := start + size
	g := pipeline.Trigger{
		Kind: kind, Purpose: "staff", Subject: []byte(at.ID), Entity: []byte(st.ID + "/" + at.ID),
		Occurred: start, Due: end, Decided: end, Expires: end + dayMs,
	}
	p := append([]byte(nil), `{"store_id":`...)
	p = quote(p, st.ID)
	p = append(p, `,"zone_id":`...)
	p = quote(p, at.ID)
	p = append(p, `,"zone_name":`...)
	p = quote(p, at.Name)
	p = fmt.Appendf(p, `,"window_start":"%s","window_ms":%d,"occupancy_avg":%g,"persons_per_m2":%g,"level_of_service":"%s","staff":%d`,
		time.UnixMilli(start).UTC().Format("2006-01-02T15:04:05.000Z"), size, z.average, z.average/at.AreaM2, levels[z.level], at.Staff)
	if kind == "crowd.cleared" {
		g.Reason = fmt.Sprintf("%s is at level %s of service again", title(at), levels[z.level])
	} else {
		g.Occurred = z.hotAt
		g.Reason = fmt.Sprintf("%s is at level %s of service for %d windows of %s", title(at), levels[z.level], raiseWindows, config.FormatDuration(size))
		p = s.propose(p, &g, int(z.index), start)
	}
	g.Payload = append(p, '}')
	s.turn.Trigger(&g)
}

// propose adds the nearest zone with slack, whose staff could come.
func (s *shard) propose(p []byte, g *pipeline.Trigger, index int, start int64) []byte {
	from := s.nearestWithSlack(index, start)
	if from == venue.None {
		return append(p, `,"proposal":null`...)
	}
	v := &s.op.venue.Zones[from]
	g.Reason += fmt.Sprintf("; %d of the staff could come from %s", v.Staff, title(v))
	p = append(p, `,"proposal":{"from_zone":`...)
	p = quote(p, v.ID)
	p = append(p, `,"from_zone_name":`...)
	p = quote(p, v.Name)
	return fmt.Appendf(p, `,"staff":%d}`, v.Staff)
}

// nearestWithSlack searches the zone's neighbours, theirs, and so on, then the
// store's zones that no way leads to; of equally near ones the first in the
// file comes first.
func (s *shard) nearestWithSlack(index int, start int64) int {
	v := s.op.venue
	span := v.Stores[v.Zones[index].Store].Zones
	reached := make([]bool, span.To-span.From)
	reached[index-span.From] = true
	ring := []int{index}
	for len(ring) > 0 {
		var next []int
		for i := span.From; i < span.To; i++ {
			if reached[i-span.From] || !touches(v, i, ring) {
				continue
			}
			next = append(next, i)
		}
		for _, i := range next {
			if s.hasSlack(i, start) {
				return i
			}
			reached[i-span.From] = true
		}
		ring = next
	}
	for i := span.From; i < span.To; i++ {
		if !reached[i-span.From] && s.hasSlack(i, start) {
			return i
		}
	}
	return venue.None
}

// hasSlack reports whether the zone has staff and was at most at the level that
// clears an alert. A zone without an area has slack when it was empty.
func (s *shard) hasSlack(index int, start int64) bool {
	if s.op.venue.Zones[index].Staff == 0 {
		return false
	}
	z, ok := s.zones.Find(flat.Key{Lo: uint64(index)})
	return !ok || z.levelAt != start || z.level <= clearLevel
}

func touches(v *venue.Venue, zone int, ring []int) bool {
	for _, n := range v.Zones[zone].Neighbours {
		for _, r := range ring {
			if n == r {
				return true
			}
		}
	}
	return false
}

// title is the zone's name for people.
func title(z *venue.Zone) string {
	if z.Name != "" {
		return z.Name
	}
	return z.ID
}

// quote appends a JSON string.
func quote(dst []byte, text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		return append(dst, `""`...)
	}
	return append(dst, b...)
}
