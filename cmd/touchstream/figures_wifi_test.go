package main

import "testing"

func TestFiguresWiFi(t *testing.T) {
	dir, s := figures(t, "wifi.yaml", "brno_wifi_probes", nil)
	equal(t, "events", s.Events, 467_601)
	sum := func(all []row) (n int64) {
		for _, r := range all {
			n += r.int("devices")
		}
		return n
	}
	minutes := final(rows(t, dir, "window_devices_1m"), "sensor_id", "window_start")
	fives := final(rows(t, dir, "window_devices_5m"), "sensor_id", "window_start")
	equal(t, "sum over windows of 1 min", sum(minutes), 162_372)
	equal(t, "sum over windows of 5 min", sum(fives), 86_942)
	of := func(all []row, sensor string) (out []row) {
		for _, r := range all {
			if r["sensor_id"] == sensor {
				out = append(out, r)
			}
		}
		return out
	}
	equal(t, "peak of 5 min at position_1", best(of(fives, "position_1"), "devices"), "2024-02-09T10:00:00.000Z 96")
	equal(t, "peak of 5 min at position_2", best(of(fives, "position_2"), "devices"), "2024-02-29T18:35:00.000Z 111")
	equal(t, "peak of 1 min at position_1", best(of(minutes, "position_1"), "devices"), "2024-03-14T18:48:00.000Z 43")
	equal(t, "peak of 1 min at position_2", best(of(minutes, "position_2"), "devices"), "2024-03-14T18:48:00.000Z 48")
	equal(t, "dead letters", len(rows(t, dir, "dead_letters")), 0)
}
