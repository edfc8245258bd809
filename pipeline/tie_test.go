package pipeline

import (
	"context"
	"slices"
	"testing"

	"touchstream/pipeline/event"
)

// seriesSource reads topics one after another as one partition, as files are.
type seriesSource struct {
	*memorySource
	topics []string
}

func (s *seriesSource) Partitions() int { return 1 }
func (s *seriesSource) Origins() []event.Origin {
	var out []event.Origin
	for _, topic := range s.topics {
		out = append(out, event.Origin{Topic: topic})
	}
	return out
}

func (s *seriesSource) Read(ctx context.Context, _, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	for p := range s.parts {
		if s.next[p] < len(s.parts[p]) {
			_, err := s.memorySource.Read(ctx, p, limit, wait, c)
			c.Origin.Topic, c.Origin.Partition = s.topics[p], 0
			return HasMore, err
		}
	}
	c.Reset()
	return Ended, nil
}

// TestTiesDoNotDependOnSteps: rows of one instant without message ids come in
// the order of sources and files, whichever was read first.
func TestTiesDoNotDependOnSteps(t *testing.T) {
	want := []string{"a1 100 0", "a2 100 0", "b 100 0", "a1 101 0"}
	for _, step := range []int{2, 4, 100} {
		first := &seriesSource{memorySource: newMemorySource([]string{"100 same", "101 same"}, []string{"100 same"}), topics: []string{"a1", "a2"}}
		second := &seriesSource{memorySource: newMemorySource([]string{"100 same"}), topics: []string{"b"}}
		sink := &memorySink{}
		cfg := testConfig(nil, sink, InTime, step, 1)
		cfg.Sources[0].Source = first
		other := cfg.Sources[0]
		other.Name, other.Source = "t", second
		cfg.Sources = append(cfg.Sources, other)
		cfg.Operators = []Operator{&topicOperator{}}
		if err := New(cfg).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := sink.rows["trace"]
		if !slices.Equal(got, want) {
			t.Errorf("steps of %d: %q, want %q", step, got, want)
		}
	}
}

// topicOperator writes down from which topic each row came.
type topicOperator struct{ traceOperator }

func (o *topicOperator) Spec() Spec {
	s := o.traceOperator.Spec()
	s.Order = InTime
	return s
}
func (o *topicOperator) NewShard(int) Shard { return &topicShard{} }

type topicShard struct{ traceShard }

func (*topicShard) Fold(t *Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		out := t.Out(0)
		out.Begin()
		out.String(t.Origins[b.Origin[row]].Topic)
		out.Int(b.Time(row))
		out.Flag(b.IsLate(row))
		out.End()
	}
}
