package verify

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// TestSchedule has two connections meet in two jobs that need nothing of each
// other, behind the job whose table both read, and then in a third that reads
// what one of them filled.
func TestSchedule(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	met := make(chan struct{})
	meet := func(ctx context.Context, _ Conn) error {
		select {
		case met <- struct{}{}:
		case <-met:
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	}
	var mu sync.Mutex
	var order []string
	note := func(name string, do func(context.Context, Conn) error) func(context.Context, Conn) error {
		return func(ctx context.Context, c Conn) error {
			err := do(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return err
		}
	}
	nothing := func(context.Context, Conn) error { return nil }
	err := run(ctx, make([]Conn, 2), []job{
		{"events", "CREATE TEMPORARY TABLE verify_events AS SELECT 1", note("events", nothing)},
		{"runs", "SELECT * FROM verify_events", note("runs", meet)},
		{"", "SELECT * FROM verify_runs", note("sessions", nothing)},
		{"", "SELECT * FROM verify_events JOIN verify_eventful", note("window", meet)},
	})
	if err != nil || len(order) != 4 || order[0] != "events" || order[3] == "runs" {
		t.Errorf("%v, %v", order, err)
	}
}

// TestScheduleFails ends the other job when one fails, and begins no further
// one.
func TestScheduleFails(t *testing.T) {
	failure := errors.New("failure")
	begun := false
	err := run(t.Context(), make([]Conn, 2), []job{
		{"events", "", func(context.Context, Conn) error { return failure }},
		{"", "", func(ctx context.Context, _ Conn) error { <-ctx.Done(); return ctx.Err() }},
		{"", "verify_events", func(context.Context, Conn) error { begun = true; return nil }},
	})
	if !errors.Is(err, failure) || begun {
		t.Errorf("%v, the third job begun: %v", err, begun)
	}
}
