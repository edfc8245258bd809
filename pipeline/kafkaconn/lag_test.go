package kafkaconn

import (
	"context"
	"errors"
	"testing"
)

// TestLag: the newest positions are committed, and a stop that breaks one off
// commits once more.
func TestLag(t *testing.T) {
	l := NewLag[int64]("g")
	ctx, stop := context.WithCancel(t.Context())
	begun, got := make(chan int64), []int64{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(ctx, func(within context.Context, p []int64) error {
			select {
			case begun <- p[0]:
				<-within.Done()
				return within.Err()
			case <-ctx.Done():
				got = append(got, p[0])
				return nil
			}
		})
	}()
	l.Committed([]int64{1})
	if first := <-begun; first != 1 {
		t.Errorf("%d is committed first", first)
	}
	stop()
	<-ended
	if len(got) != 1 || got[0] != 1 {
		t.Errorf("%v are committed at the stop", got)
	}
}

func TestLagOfAFailure(t *testing.T) {
	l := NewLag[int64]("g")
	ctx, stop := context.WithCancel(t.Context())
	got, ended := make(chan int64), make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(ctx, func(_ context.Context, p []int64) error { got <- p[0]; return errors.New("away") })
	}()
	for offset := range int64(3) {
		l.Committed([]int64{offset})
		if n := <-got; n != offset {
			t.Errorf("%d is committed, not %d", n, offset)
		}
	}
	stop()
	<-ended
}

func TestLagWithoutAGroup(t *testing.T) {
	l := NewLag[int64]("")
	l.Committed([]int64{1})
	if l.IsWanted() || len(l.news) > 0 {
		t.Error("positions are kept for no group")
	}
}
