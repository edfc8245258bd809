package verify

import (
	"fmt"
	"slices"
	"strings"
)

// crowd is the table of occupancy.
func (p *Params) crowd() (*Table, error) {
	c := p.Crowd
	if c == nil {
		return nil, nil
	}
	t := &Table{
		Name: "crowd", Key: []string{"store_id", "zone_id", "window_ms", "window_start"}, Start: "window_start",
		Settled: "toUnixTimestamp64Milli(window_start) + window_ms",
		Behind: fmt.Sprintf("event IN ('Sensor Seen', 'Zone Entered', 'Zone Exited', 'Tag Read', 'Counter Read') AND at BETWEEN %s - 60000 AND %s + toInt64({window_ms})"+
			" AND (zone_id = {zone_id} OR sensor_id IN (SELECT sensor_id FROM verify_sensors WHERE zone_id = {zone_id}))", ms("window_start"), ms("window_start")),
		Columns: named("entries", "exits", "uniques", "dwell_p50_ms", "dwell_p90_ms", "level_of_service", "is_estimate"),
	}
	for _, name := range []string{"occupancy_avg", "occupancy_max", "occupancy_end", "persons_per_m2", "capacity_share"} {
		t.Columns = append(t.Columns, Column{Name: name, Within: 1e-9})
	}
	if t.Why = p.crowdWhy(); t.Why != "" {
		return t, nil
	}
	var err error
	t.SQL, err = p.statement("crowd", nil)
	return t, err
}

// flows is the table of flows.
func (p *Params) flows() (*Table, error) {
	if p.Crowd == nil {
		return nil, nil
	}
	t := &Table{
		Name: "crowd_flows", Key: []string{"store_id", "from_zone", "to_zone", "window_ms", "window_start"}, Start: "window_start",
		Settled: "toUnixTimestamp64Milli(window_start) + window_ms",
		Behind: fmt.Sprintf("event IN ('Sensor Seen', 'Zone Entered', 'Zone Exited', 'Tag Read') AND at BETWEEN %s - 60000 AND %s + toInt64({window_ms})"+
			" AND (zone_id IN ({from_zone}, {to_zone}) OR sensor_id IN (SELECT sensor_id FROM verify_sensors WHERE zone_id IN ({from_zone}, {to_zone})))", ms("window_start"), ms("window_start")),
		Columns: named("moves", "transit_p50_ms"),
		Why:     p.crowdWhy(),
	}
	if t.Why != "" {
		return t, nil
	}
	var err error
	t.SQL, err = p.statement("crowd_flows", nil)
	return t, err
}

// crowdWhy says why crowd cannot be derived; empty if it can.
func (p *Params) crowdWhy() string {
	switch {
	case p.Crowd.ResetAt >= 0:
		return "crowd.reset_at has no SQL"
	case p.Crowd.CounterReset < 0:
		return "crowd.counter_reset: none has no SQL"
	}
	return ""
}

// WindowList is an array of the windows' lengths.
func (p *Params) WindowList() string { return numbers(p.Crowd.Windows) }

// StaffDevices are those of all stores.
func (p *Params) StaffDevices() []string {
	out := []string{}
	if p.Venue != nil {
		for _, s := range p.Venue.Stores {
			out = append(out, s.StaffDevices...)
		}
	}
	return out
}

// CounterDay is the number of the day of a reading at e.at in the zone z, with
// days that begin at the reset of the door counters.
func (p *Params) CounterDay() string {
	return p.byTimeZone(func(zone string) string {
		local := "fromUnixTimestamp64Milli(e.at, " + zone + ")"
		return fmt.Sprintf("toInt32(toDate32(%[1]s)) - (1000 * (3600 * toHour(%[1]s) + 60 * toMinute(%[1]s) + toSecond(%[1]s)) < %[2]d)", local, p.Crowd.CounterReset)
	})
}

// CounterReset is the next reset in ms behind a reading of `day`.
func (p *Params) CounterReset() string {
	clock := quote(timeText(p.Crowd.CounterReset)[10:23])
	return p.byTimeZone(func(zone string) string {
		return "toUnixTimestamp64Milli(toDateTime64(concat(toString(toDate32(day + 1)), replaceOne(" + clock + ", 'T', ' ')), 3, " + zone + "))"
	})
}

// byTimeZone makes an expression that depends on the time zone of z.
func (p *Params) byTimeZone(expr func(zone string) string) string {
	zones := []string{}
	if p.Venue != nil {
		for _, s := range p.Venue.Stores {
			zones = append(zones, s.Location.String())
		}
	}
	slices.Sort(zones)
	zones = slices.Compact(zones)
	cases := []string{}
	for _, z := range zones {
		cases = append(cases, "z.time_zone = "+quote(z)+", "+expr(quote(z)))
	}
	if len(cases) == 0 {
		return expr("'UTC'")
	}
	return "multiIf(" + strings.Join(cases, ", ") + ", " + expr("'UTC'") + ")"
}
