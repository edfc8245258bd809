package kafkago

import (
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"touchstream/pipeline"
)

func TestResumeKeepsNumbers(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(2, "web"), kfake.SeedTopics(1, "app"))
	cl := producer(t, brokers)
	produce(t, cl, "web", 0, series(0, 10)...)
	produce(t, cl, "web", 1, series(0, 10)...)
	produce(t, cl, "app", 0, series(0, 10)...)
	s := source(t, input(brokers, "web", "app"))
	s.Resume([]pipeline.Position{{Topic: "web", Partition: 1, Offset: 4}, {Topic: "app", Offset: 6}})
	open(t, s, true)
	want := []pipeline.Position{{Topic: "web", Partition: 1, Offset: 4}, {Topic: "app", Offset: 6}, {Topic: "web"}}
	if got := s.Positions(); !reflect.DeepEqual(got, want) {
		t.Errorf("positions %v, want %v", got, want)
	}
	for i, from := range []int{4, 6, 0} {
		same(t, readEnd(t, s, i, 100), series(from, 10))
	}
	s = source(t, input(brokers, "web"))
	s.Resume([]pipeline.Position{{Topic: "app"}})
	says(t, s.Open(deadline(t), true), false, "topic app was read before and is not among topics any more")
}

func TestLag(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, brokers)
	produce(t, cl, "web", 0, series(0, 10)...)
	cfg := input(brokers, "web")
	cfg.Group = "shop"
	s := source(t, cfg)
	open(t, s, false)
	for offset := range int64(8) {
		s.Committed([]pipeline.Position{{Topic: "web", Offset: offset}})
	}
	for ctx := deadline(t); ; time.Sleep(10 * time.Millisecond) {
		got, err := kadm.NewClient(cl).FetchOffsets(ctx, "shop") // Fails while there is no group.
		if o, _ := got.Lookup("web", 0); err == nil && o.At == 7 {
			return
		} else if ctx.Err() != nil {
			t.Fatalf("%d is committed, want 7: %v", o.At, err)
		}
	}
}
