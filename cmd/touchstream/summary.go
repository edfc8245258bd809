package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// summary is what a bounded run ends with.
type summary struct {
	Records              int64            `json:"records"`
	Events               int64            `json:"events"`
	Skipped              int64            `json:"skipped"`
	Duplicates           int64            `json:"duplicates"`
	DeadLetters          map[string]int64 `json:"dead_letters"`
	EventsWithoutSession int64            `json:"events_without_session"`
	ReleasedEarly        int64            `json:"released_early"`
	LateByOperator       map[string]int64 `json:"late_by_operator"`
	Rows                 map[string]int64 `json:"rows"`
	Seconds              float64          `json:"seconds"`
}

func summarise(s *pipeline.Status) summary {
	out := summary{
		Records: s.Records.Load(), Events: s.Events.Load(), Skipped: s.Skipped.Load(), Duplicates: s.Duplicates.Load(),
		DeadLetters: map[string]int64{}, EventsWithoutSession: s.NoSession.Load(), ReleasedEarly: s.EarlyReleased.Load(),
		LateByOperator: map[string]int64{}, Rows: s.Rows(),
		Seconds: float64(time.Since(s.Began()).Milliseconds()) / 1000,
	}
	for code := range event.ReasonCode(event.NumReasons) {
		if n := s.DeadLetters[code].Load(); n > 0 {
			out.DeadLetters[code.String()] = n
		}
	}
	s.Operators(func(name string, c *pipeline.OperatorCounts) {
		if n := c.Late.Load(); n > 0 {
			out.LateByOperator[name] = n
		}
	})
	return out
}

// log writes the summary as one log line.
func (s *summary) log(log *slog.Logger) {
	dead := make([]any, 0, len(s.DeadLetters))
	for _, k := range sortedKeys(s.DeadLetters) {
		dead = append(dead, slog.Int64(k, s.DeadLetters[k]))
	}
	rows := make([]any, 0, len(s.Rows))
	for _, k := range sortedKeys(s.Rows) {
		rows = append(rows, slog.Int64(k, s.Rows[k]))
	}
	late := make([]any, 0, len(s.LateByOperator))
	for _, k := range sortedKeys(s.LateByOperator) {
		late = append(late, slog.Int64(k, s.LateByOperator[k]))
	}
	log.Info("summary", "records", s.Records, "events", s.Events, "skipped", s.Skipped, "duplicates", s.Duplicates,
		slog.Group("dead_letters", dead...), "events_without_session", s.EventsWithoutSession,
		"released_early", s.ReleasedEarly, slog.Group("late_by_operator", late...),
		slog.Group("rows", rows...), "seconds", s.Seconds)
}

// write writes the summary as JSON.
func (s *summary) write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("--summary: %w", err)
	}
	return nil
}

func sortedKeys(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
