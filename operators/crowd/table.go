package crowd

import "touchstream/pipeline/schema"

// Table declares the rows of zones.
var Table = &schema.Table{
	Name: "crowd",
	Doc:  "One row per zone and window while the zone is occupied, and one of zeros after it emptied.",
	Columns: []schema.Column{
		{Name: "store_id", Type: schema.LowText, Doc: "The store."},
		{Name: "zone_id", Type: schema.LowText, Doc: "The zone."},
		{Name: "window_ms", Type: schema.Duration, Doc: "Length of the window."},
		{Name: "window_start", Type: schema.Time, Doc: "Start of the window."},
		{Name: "occupancy_avg", Type: schema.Float, Doc: "People in the zone, weighted by time: devices × calibration, or the door counters'."},
		{Name: "occupancy_max", Type: schema.Float, Doc: "Most people at one time."},
		{Name: "occupancy_end", Type: schema.Float, Doc: "People at the end."},
		{Name: "entries", Type: schema.Float, Doc: "People who came."},
		{Name: "exits", Type: schema.Float, Doc: "People who left."},
		{Name: "uniques", Type: schema.Float, Doc: "Different people who were present at any time: devices × calibration."},
		{Name: "dwell_p50_ms", Type: schema.Duration, Nullable: true, Doc: "Median stay of those who left, from entry to last sighting (nearest rank)."},
		{Name: "dwell_p90_ms", Type: schema.Duration, Nullable: true, Doc: "Nine of ten of those who left stayed no longer (nearest rank)."},
		{Name: "persons_per_m2", Type: schema.Float, Nullable: true, Doc: "Average occupancy by the zone's area; absent without one."},
		{Name: "level_of_service", Type: schema.LowText, Doc: "A to F by persons_per_m2: up to 0.31, 0.43, 0.72, 1.08, 2.15, more (Fruin's walkway levels)."},
		{Name: "capacity_share", Type: schema.Float, Nullable: true, Doc: "Average occupancy by the zone's capacity; absent without one."},
		{Name: "is_estimate", Type: schema.Flag, Doc: "Made from signals or a calibration instead of counters or explicit entries."},
		{Name: "revision", Type: schema.Int, Doc: "Rises from 1; of each window the highest counts."},
	},
	ID:        []string{"store_id", "zone_id", "window_ms", "window_start"},
	Revisable: true,
	Partition: "window_start",
}

// Flows declares the rows of moves between zones.
var Flows = &schema.Table{
	Name: "crowd_flows",
	Doc:  "One row per pair of zones and window in which devices went from one to the other.",
	Columns: []schema.Column{
		{Name: "store_id", Type: schema.LowText, Doc: "The store."},
		{Name: "from_zone", Type: schema.LowText, Doc: "The zone that was left."},
		{Name: "to_zone", Type: schema.LowText, Doc: "The zone that was entered, in this window."},
		{Name: "window_ms", Type: schema.Duration, Doc: "Length of the window."},
		{Name: "window_start", Type: schema.Time, Doc: "Start of the window."},
		{Name: "moves", Type: schema.Int, Doc: "Devices that went."},
		{Name: "transit_p50_ms", Type: schema.Duration, Doc: "Median time from the last sighting in one to the entry into the other (nearest rank)."},
		{Name: "revision", Type: schema.Int, Doc: "Rises from 1; of each window the highest counts."},
	},
	ID:        []string{"store_id", "from_zone", "to_zone", "window_ms", "window_start"},
	Revisable: true,
	Partition: "window_start",
}
