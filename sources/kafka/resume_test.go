package kafka

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
)

// TestResumeKeepsNumbers: partitions keep the numbers they had, and new ones
// come behind.
func TestResumeKeepsNumbers(t *testing.T) {
	c := fake(t, kfake.SeedTopics(3, "web"), kfake.SeedTopics(1, "app"))
	cl := producer(t, c.ListenAddrs())
	produce(t, cl, append(series("web", 0, 0, 10), series("web", 1, 0, 10)...)...)
	produce(t, cl, append(series("web", 2, 0, 10), series("app", 0, 0, 10)...)...)
	s, err := New(input(c.ListenAddrs(), "web", "app"))
	if err != nil {
		t.Fatal(err)
	}
	s.Resume([]pipeline.Position{{Topic: "web", Partition: 2, Offset: 4}, {Topic: "app", Offset: 6}})
	if err := s.Open(deadline(t), true); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := []pipeline.Position{{Topic: "web", Partition: 2, Offset: 4}, {Topic: "app", Offset: 6}, {Topic: "web"}, {Topic: "web", Partition: 1}}
	if got := s.Positions(); !reflect.DeepEqual(got, want) {
		t.Errorf("positions %v, want %v", got, want)
	}
	for i, from := range []int{4, 6, 0, 0} {
		got, _ := readEnd(t, s, i, 100)
		same(t, got, values(10)[from:])
	}
	says(t, openError(t, input(c.ListenAddrs(), "web"), pipeline.Position{Topic: "app"}), false, "topic app was read before and is not among topics any more")
	says(t, openError(t, input(c.ListenAddrs(), "web"), pipeline.Position{Topic: "web", Partition: 9}), false, "topic web partition 9", "is not there: the topic was created anew")
}

// TestRealLag: tools see the positions of the newest commit as those of a
// consumer group.
func TestRealLag(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 2)
	cl := producer(t, brokers)
	produce(t, cl, append(series(topic, 0, 0, 10), series(topic, 1, 0, 10)...)...)
	cfg := input(brokers, topic)
	cfg.Group = topic + ".group"
	s := open(t, cfg, false)
	for offset := range int64(8) {
		s.Committed([]pipeline.Position{{Topic: topic, Offset: offset}, {Topic: topic, Partition: 1, Offset: offset + 1}})
	}
	admin := kadm.NewClient(cl)
	for ctx := deadline(t); ; time.Sleep(10 * time.Millisecond) {
		got, err := admin.FetchOffsets(ctx, cfg.Group) // Fails while there is no group.
		first, _ := got.Lookup(topic, 0)
		second, _ := got.Lookup(topic, 1)
		if err == nil && first.At == 7 && second.At == 8 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("committed %d and %d, want 7 and 8: %v", first.At, second.At, err)
		}
	}
	s.Committed([]pipeline.Position{{Topic: topic, Offset: 9}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := admin.FetchOffsets(deadline(t), cfg.Group)
	if err != nil {
		t.Fatal(err)
	}
	if first, _ := got.Lookup(topic, 0); first.At != 9 {
		t.Errorf("after Close %d is committed, want 9", first.At)
	}
}

// TestAnotherCluster: a state is not gone on with in another cluster behind the
// same addresses.
func TestAnotherCluster(t *testing.T) {
	first := fake(t, kfake.ClusterID("first"), kfake.SeedTopics(1, "web"))
	second := fake(t, kfake.ClusterID("second"), kfake.SeedTopics(1, "web"))
	s := open(t, input(first.ListenAddrs(), "web"), true)
	mark := s.Mark()
	for _, c := range []struct {
		brokers []string
		says    string
	}{
		{first.ListenAddrs(), ""},
		{second.ListenAddrs(), "the state was read from Kafka cluster first, and " + strings.Join(second.ListenAddrs(), ", ") + " is cluster second"},
	} {
		again, err := New(input(c.brokers, "web"))
		if err != nil {
			t.Fatal(err)
		}
		again.Resume([]pipeline.Position{{Topic: "web"}})
		again.Expect(mark)
		err = again.Open(deadline(t), true)
		if c.says == "" {
			if err != nil {
				t.Error(err)
			}
			_ = again.Close()
			continue
		}
		says(t, err, false, c.says)
	}
}
