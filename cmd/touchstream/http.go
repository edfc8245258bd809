package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// server answers /metrics, /healthz, /readyz and /status.
type server struct {
	http    *http.Server
	address string
}

// serve starts the listener; without an address there is none.
func serve(listen string, p *pipeline.Pipeline, m *metrics, log *slog.Logger) (*server, error) {
	if listen == "" {
		return &server{}, nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen %s: %w; choose another address, or port 0 for any free one", listen, err)
	}
	log.Info("listening", "address", l.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		state, holds := p.Status().State()
		if state != pipeline.Running {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, state)
		for _, h := range holds {
			fmt.Fprintln(w, h.Where+": "+h.Why)
		}
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		_ = enc.Encode(statusOf(p.Status())) // the reader went away
	})
	s := &server{http: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, address: l.Addr().String()}
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("http listener ended", "error", err.Error())
		}
	}()
	return s, nil
}

func (s *server) close() {
	if s.http == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.http.Shutdown(ctx) // the process ends anyway
}

// statusJSON is /status.
type statusJSON struct {
	State     pipeline.State          `json:"state"`
	Drained   bool                    `json:"drained"`
	Held      string                  `json:"held,omitempty"`
	Watermark *string                 `json:"watermark"`
	Records   int64                   `json:"records"`
	Events    int64                   `json:"events"`
	Sources   map[string]sourceJSON   `json:"sources"`
	Operators map[string]operatorJSON `json:"operators"`
	Sinks     map[string]sinkJSON     `json:"sinks"`
	Rows      map[string]int64        `json:"rows"`
	Summary   summary                 `json:"counters"`
}

type sourceJSON struct {
	State      string  `json:"state"`
	LagRecords *int64  `json:"lag_records"`
	Watermark  *string `json:"watermark"`
	Partitions int     `json:"partitions"`
}

type operatorJSON struct {
	Entries int64 `json:"state_entries"`
	Bytes   int64 `json:"state_bytes"`
	Evicted int64 `json:"evicted"`
}

type sinkJSON struct {
	Held        bool  `json:"held"`
	WaitingRows int64 `json:"waiting_rows"`
	Retries     int64 `json:"retries"`
}

func statusOf(s *pipeline.Status) statusJSON {
	state, holds := s.State()
	out := statusJSON{
		State: state, Drained: s.Drained(), Watermark: timeText(s.Watermark.Load()),
		Records: s.Records.Load(), Events: s.Events.Load(),
		Sources: map[string]sourceJSON{}, Operators: map[string]operatorJSON{}, Sinks: map[string]sinkJSON{},
		Rows: s.Rows(), Summary: summarise(s),
	}
	for i, h := range holds {
		if i > 0 {
			out.Held += " "
		}
		out.Held += fmt.Sprintf("%s has held the pipeline since %s: %s; it goes on by itself when that is over.",
			h.Where, h.Since.UTC().Format(time.RFC3339), h.Why)
	}
	for _, src := range s.Sources() {
		j := sourceJSON{State: src.State, Watermark: timeText(src.Watermark), Partitions: src.Partitions}
		if src.Lag >= 0 {
			j.LagRecords = &src.Lag
		}
		out.Sources[src.Name] = j
	}
	s.Operators(func(name string, c *pipeline.OperatorCounts) {
		out.Operators[name] = operatorJSON{c.Entries.Load(), c.Bytes.Load(), c.Evicted.Load()}
	})
	for _, k := range s.Sinks() {
		out.Sinks[k.Name] = sinkJSON{k.Held, k.Waiting, k.Retries}
	}
	return out
}

// timeText is a time of the wide range that a watermark has; nil outside years
// that can be written.
func timeText(ms int64) *string {
	if ms == event.Absent || watermarkText(ms) == "-" {
		return nil
	}
	t := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
	return &t
}
