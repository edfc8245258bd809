package crowd

import "touchstream/pipeline/config"

const (
	secondMs = 1000
	dayMs    = 86_400_000
)

// Config holds the keys of operators.crowd. Durations are milliseconds.
type Config struct {
	Windows         []int64
	From            []string // sources whose watermark counts; empty: those with sightings
	PresenceTimeout PresenceTimeout
	ZoneTimeout     int64
	ResetAt         int64 // from midnight, -1: none
	FixedAfter      int64 // 0: never
	RSSI            RSSI
	CounterReset    int64 // from midnight, -1: none
	Early           int64 // 0: no provisional rows
	MaxDevices      int64
}

// PresenceTimeout is how long a device stays after a sighting, by the kind of
// the sensor.
type PresenceTimeout struct{ Beacon, WiFi, RFID int64 }

// RSSI says when a stronger signal moves a device.
type RSSI struct {
	SwitchDB float64
	Readings int
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Durations("windows", &c.Windows, []string{"10s", "1m"}, "Lengths of the windows; alerts look at the longest.").NonEmpty()
	s.Strings("from", &c.From, nil, "Sources whose watermark counts; left out: those with sightings.").NonEmptyElements()
	c.PresenceTimeout.declare(s)
	s.Duration("zone_timeout", &c.ZoneTimeout, "12h", "How long a device stays after Zone Entered or Tag Read without an exit or another zone.").Positive().Max(366 * dayMs)
	s.TimeOfDay("reset_at", &c.ResetAt, "none", "Local time at which all devices of a store leave, every day.")
	s.Duration("fixed_after", &c.FixedAfter, "12h", "A device present for longer counts no more; 0s: all count.").Min(0).Max(366 * dayMs)
	s.Section("rssi", &c.RSSI, "When a stronger signal moves a device.")
	s.TimeOfDay("counter_reset", &c.CounterReset, "04:00", "Local time at which door counters begin at 0, every day.")
	s.Duration("early", &c.Early, "0s", "The current picture of open windows at most this often; 0s: none.").Min(0)
	s.Count("max_devices", &c.MaxDevices, "5M", "Devices in memory; over it those that would leave or be forgotten first go.").Positive()
	s.Check(func() {
		for i, w := range c.Windows {
			if w < secondMs || w > 31*dayMs {
				s.Fault("windows", "%s is not between 1s and 31d", config.FormatDuration(w))
			}
			for _, other := range c.Windows[:i] {
				if w == other {
					s.Fault("windows", "%s is given twice", config.FormatDuration(w))
				}
			}
		}
	}, "windows")
}

// declare declares the key, a duration for all kinds or one for each.
func (c *PresenceTimeout) declare(s *config.Section) {
	v := s.Any("presence_timeout", "duration, or {beacon: …, wifi: …, rfid: …}", "{beacon: 30s, wifi: 5m, rfid: 30s}",
		"How long a device stays after a sighting, by the kind of the sensor.")
	*c = PresenceTimeout{Beacon: 30 * secondMs, WiFi: 300 * secondMs, RFID: 30 * secondMs}
	if !v.Present() || v.Section(c) {
		return
	}
	switch all, ok := v.Duration(); {
	case ok && (all <= 0 || all > dayMs):
		v.Fault("%s is not between 1ms and 1d", config.FormatDuration(all))
	case ok:
		*c = PresenceTimeout{Beacon: all, WiFi: all, RFID: all}
	}
}

// Declare declares the keys.
func (c *PresenceTimeout) Declare(s *config.Section) {
	s.Duration("beacon", &c.Beacon, "30s", "After a beacon's sighting.").Positive().Max(dayMs)
	s.Duration("wifi", &c.WiFi, "5m", "After a Wi-Fi sighting.").Positive().Max(dayMs)
	s.Duration("rfid", &c.RFID, "30s", "After an RFID reading.").Positive().Max(dayMs)
}

// Declare declares the keys.
func (c *RSSI) Declare(s *config.Section) {
	s.Float("switch_db", &c.SwitchDB, 4, "How much stronger another sensor's mean must be, in dB.").Min(0)
	s.Int("readings", &c.Readings, 2, "At how many of its successive readings.").Min(1).Max(100)
}
