package crowd

import (
	"math"

	"touchstream/pipeline/flat"
)

// signal is what one sensor hears of a device.
type signal struct {
	sensor  uint64
	mean    float64 // dB, smoothed
	heard   int64   // last
	timeout int64   // unheard for longer it is silent
	wins    int64   // successive readings that were stronger than the current sensor's
}

// sight takes a sighting: without a signal strength the device is where the
// sensor is, with one it moves when that is clearly the strongest.
func (s *shard) sight(d *device, p place, rssi float64, t int64) {
	if p.sensor == 0 || math.IsNaN(rssi) || math.IsInf(rssi, 0) {
		if d.zone != p.zone {
			d.current = 0
			s.forgetWins(d)
		}
		s.place(d, p, t, false)
		return
	}
	if s.hear(d, p, rssi, t) {
		s.place(d, p, t, false)
		return
	}
	d.last, d.timeout = t, p.timeout
}

// hear smooths the signal and reports whether the device is in its zone now.
func (s *shard) hear(d *device, p place, rssi float64, t int64) bool {
	heard := s.smooth(d, p, rssi, t)
	signals := flat.Of[signal](s.arena.Mut(d.signals))
	current := -1
	for i := range signals {
		if signals[i].sensor == d.current {
			current = i
		}
	}
	m := &signals[heard]
	switch {
	case d.zone == 0 || d.current == 0 && d.zone == p.zone:
		d.current = p.sensor
		return true
	case d.current == p.sensor:
		return true
	case current >= 0 && m.mean-signals[current].mean < s.cfg.RSSI.SwitchDB:
		m.wins = 0
		return false
	}
	if m.wins++; m.wins < int64(s.cfg.RSSI.Readings) {
		return false
	}
	d.current = p.sensor
	for i := range signals {
		signals[i].wins = 0
	}
	return true
}

// smooth adds a reading to the sensor's mean, drops the signals of silent
// sensors and gives the place of this one.
func (s *shard) smooth(d *device, p place, rssi float64, t int64) int {
	heard := -1
	s.signals = s.signals[:0]
	for _, m := range flat.Of[signal](s.arena.Get(d.signals)) {
		if t-m.heard > m.timeout {
			continue
		}
		if m.sensor == p.sensor {
			heard = len(s.signals)
			m.mean += 0.5 * (rssi - m.mean)
			m.heard = t
		}
		s.signals = append(s.signals, m)
	}
	if heard < 0 {
		heard = len(s.signals)
		s.signals = append(s.signals, signal{sensor: p.sensor, mean: rssi, heard: t, timeout: p.timeout})
	}
	d.signals = s.arena.Replace(d.signals, flat.Bytes(s.signals))
	return heard
}

// forgetWins lets all sensors begin anew to win the device.
func (s *shard) forgetWins(d *device) {
	signals := flat.Of[signal](s.arena.Mut(d.signals))
	for i := range signals {
		signals[i].wins = 0
	}
}
