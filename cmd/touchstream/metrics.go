package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// metrics turns the pipeline's status into Prometheus metrics.
type metrics struct {
	registry *prometheus.Registry
	status   *pipeline.Status

	stepSeconds prometheus.Histogram
	stepRecords prometheus.Histogram
	laneBusy    prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		stepSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "touchstream_step_seconds", Help: "Time to fold a step.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}),
		stepRecords: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "touchstream_step_records", Help: "Records of a step.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		laneBusy:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "touchstream_lane_busy_ratio", Help: "Mean share of the newest step in which lanes worked."}),
	}
	m.registry.MustRegister(m, m.stepSeconds, m.stepRecords, m.laneBusy)
	return m
}

// observe takes a finished step.
func (m *metrics) observe(s pipeline.StepInfo) {
	m.stepSeconds.Observe(s.Seconds)
	m.stepRecords.Observe(float64(s.Records))
	busy := 0.0
	for _, b := range s.LaneBusy {
		busy += b
	}
	if s.Seconds > 0 && len(s.LaneBusy) > 0 {
		m.laneBusy.Set(busy / s.Seconds / float64(len(s.LaneBusy)))
	}
}

// Describe sends nothing: the metrics are read from the status as they stand.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the status.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.status
	if s == nil {
		return
	}
	send := func(kind prometheus.ValueType, name, help string, v float64, labels ...string) {
		names := make([]string, 0, len(labels)/2)
		values := make([]string, 0, len(labels)/2)
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("touchstream_"+name, help, names, nil), kind, v, values...)
	}
	counter := func(name, help string, v int64, labels ...string) {
		send(prometheus.CounterValue, name, help, float64(v), labels...)
	}
	gauge := func(name, help string, v float64, labels ...string) {
		send(prometheus.GaugeValue, name, help, v, labels...)
	}
	counter("records_total", "Records read.", s.Records.Load())
	counter("bytes_total", "Bytes of records read.", s.Bytes.Load())
	counter("events_total", "Events folded.", s.Events.Load())
	counter("skipped_total", "Rows left out by a decoder's where, and records without content.", s.Skipped.Load())
	counter("duplicates_total", "Events dropped as duplicates.", s.Duplicates.Load())
	counter("events_without_session_total", "Events without a session key.", s.NoSession.Load())
	counter("released_early_total", "Events that a full reorder buffer let go on early.", s.EarlyReleased.Load())
	gauge("buffered_rows", "Rows that wait for the watermark.", float64(s.Buffered.Load()))
	gauge("dedup_covered_seconds", "Window that the remembered message ids cover.", float64(s.DedupCovered.Load())/1000)
	for code := range event.ReasonCode(event.NumReasons) {
		counter("dead_letters_total", "Dead letters.", s.DeadLetters[code].Load(), "reason", code.String())
	}
	counter("replay_records", "Records read again after the start to replay the journal.", s.ReplayRecords.Load())
	m.collectTime(gauge)
	s.Operators(func(name string, c *pipeline.OperatorCounts) {
		gauge("state_entries", "Entries in state.", float64(c.Entries.Load()), "operator", name)
		gauge("state_bytes", "Bytes of state.", float64(c.Bytes.Load()), "operator", name)
		counter("evicted_total", "Entries given up because a cap was reached.", c.Evicted.Load(), "operator", name)
		counter("revisions_total", "Rows that corrected an earlier one.", c.Revisions.Load(), "operator", name)
		counter("unknown_places_total", "Events that named unknown zones or sensors.", c.Unknown.Load(), "operator", name)
		counter("late_total", "Late events seen.", c.Late.Load(), "operator", name)
		counter("condition_errors_total", "Rows on which a condition failed while it ran; it was false there.", c.Errors.Load(), "operator", name)
		counter("other_currency_total", "Amounts left out of a sum for their currency.", c.Ignored.Load(), "operator", name)
	})
	for table, n := range s.Rows() {
		counter("rows_total", "Rows left, revisions included.", n, "table", table)
		if table == pipeline.Triggers.Name {
			counter("triggers_total", "Triggers.", n)
		}
	}
	for _, k := range s.Sinks() {
		held := 0.0
		if k.Held {
			held = 1
		}
		gauge("sink_held", "1 while the sink is away.", held, "sink", k.Name)
		counter("sink_retries_total", "Attempts that failed for now.", k.Retries, "sink", k.Name)
		gauge("sink_waiting_rows", "Rows not yet delivered.", float64(k.Waiting), "sink", k.Name)
		gauge("sink_block_seconds", "Time of the newest cut.", k.Cut, "sink", k.Name)
	}
}

func (m *metrics) collectTime(gauge func(name, help string, v float64, labels ...string)) {
	if w := m.status.Watermark.Load(); timeText(w) != nil {
		gauge("watermark_seconds", "The pipeline's watermark.", float64(w)/1000)
		gauge("watermark_lag_seconds", "Clock minus watermark.", float64(time.Now().UnixMilli()-w)/1000)
	}
	newest := max(m.status.SnapshotAt.Load(), m.status.Began().UnixMilli())
	gauge("snapshot_age_seconds", "Time since the newest snapshot, or the start if there is none.", float64(time.Now().UnixMilli()-newest)/1000)
	gauge("snapshot_seconds", "Time that the newest snapshot took, in the background.", float64(m.status.SnapshotMicros.Load())/1e6)
	gauge("snapshot_pause_seconds", "Time for which the fold stood still for the newest snapshot.", float64(m.status.SnapshotPause.Load())/1e6)
	for _, src := range m.status.Sources() {
		if src.Lag >= 0 {
			gauge("source_lag_records", "Records known to wait.", float64(src.Lag), "source", src.Name)
		}
	}
}
