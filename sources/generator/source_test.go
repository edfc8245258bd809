package generator

import (
	"context"
	"errors"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

func opened(t *testing.T, rate float64) *Source {
	t.Helper()
	o := Defaults()
	o.Customers, o.Days, o.Rate = 3, 1, rate
	s := NewSource(o)
	if err := s.Open(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSourceGivesTheWholeWorld(t *testing.T) {
	o := Defaults()
	o.Customers, o.Days = 3, 1
	world, err := New(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, 0)
	var c event.Chunk
	var rec Record
	offset := int64(0)
	for state := pipeline.HasMore; state != pipeline.Ended; {
		if state, err = s.Read(t.Context(), 0, 7, true, &c); err != nil || state == pipeline.CaughtUp {
			t.Fatalf("state %d, error %v", state, err)
		}
		for i, r := range c.Recs {
			if !world.Next(&rec) || string(rec.Value) != string(c.Value(i)) || r.Timestamp != rec.ArrivalMS || r.Offset != offset {
				t.Fatalf("record %d is %+v %s, want %s", offset, r, c.Value(i), rec.Value)
			}
			offset++
		}
	}
	if world.Next(&rec) || offset == 0 {
		t.Errorf("the source ended after %d records, the world did not", offset)
	}
}

func TestSourceWithARate(t *testing.T) {
	s := opened(t, 0.001)
	var c event.Chunk
	state, err := s.Read(t.Context(), 0, 10, false, &c)
	if state != pipeline.CaughtUp || err != nil || len(c.Recs) > 0 {
		t.Errorf("before the first record is due: state %d, error %v, %d records", state, err, len(c.Recs))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ctx, 0, 10, true, &c); !errors.Is(err, context.Canceled) {
		t.Errorf("a read that was given up: %v", err)
	}
	s.began = s.began.Add(-5000 * time.Second)
	state, err = s.Read(t.Context(), 0, 3, true, &c)
	if state != pipeline.HasMore || err != nil || len(c.Recs) != 3 {
		t.Errorf("5 are due: state %d, error %v, %d records", state, err, len(c.Recs))
	}
	if err := s.Close(); err != nil || s.Close() != nil {
		t.Errorf("closed: %v", err)
	}
}
