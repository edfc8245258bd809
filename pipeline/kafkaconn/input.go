package kafkaconn

import (
	"fmt"
	"regexp"
	"time"

	"touchstream/pipeline/config"
)

// The clients that can read.
const (
	FranzGo = "franz-go"
	KafkaGo = "kafka-go"
)

// Input says what is read from a cluster.
type Input struct {
	Conn
	Topics []string
	Start  Start
	Driver string
	// Committed leaves out records of transactions that were aborted and waits
	// for those that are open.
	Committed bool
	// Group is the consumer group that is told how far was read, for tools that
	// show the lag; empty: none. It is not declared: the pipeline's name is it.
	Group string
}

// Where says at which end of a partition reading starts.
type Where uint8

// The places where reading starts.
const (
	Earliest Where = iota
	Latest
	AtTime
)

// Start is where partitions without a position start.
type Start struct {
	Where Where
	Time  int64 // ms, for AtTime: the first record of that time or later
}

var topicPattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Declare declares the keys.
func (c *Input) Declare(s *config.Section) {
	c.Conn.Declare(s)
	s.Strings("topics", &c.Topics, nil, "Topics; all their partitions are read, new ones as they come.").
		Required().NonEmpty().Match(topicPattern, "the name of a topic (letters, digits, ., _ and -, at most 249)")
	var start, isolation string
	s.String("start", &start, "earliest", "Where reading starts without a state: earliest, latest or a time such as 2026-01-31T00:00:00Z.")
	s.Enum("driver", &c.Driver, FranzGo, "The client library; kafka-go reads uncommitted records only.", FranzGo, KafkaGo)
	s.Enum("isolation", &isolation, "auto", "read_committed leaves out aborted transactions; auto: read_committed with franz-go, read_uncommitted with kafka-go.",
		"auto", "read_committed", "read_uncommitted")
	var err error
	if c.Start, err = ParseStart(start); err != nil {
		s.Fault("start", "%v", err)
	}
	if c.Driver == KafkaGo && isolation == "read_committed" {
		s.Fault("isolation", "read_committed needs driver franz-go: kafka-go does not leave out the records of aborted transactions; set read_uncommitted to take them")
	}
	c.Committed = isolation != "read_uncommitted" && c.Driver != KafkaGo
	s.Check(func() {
		seen := map[string]bool{}
		for _, t := range c.Topics {
			if seen[t] {
				s.Fault("topics", "%s is given twice", t)
			}
			seen[t] = true
		}
	}, "topics")
}

// ParseStart reads earliest, latest or a time.
func ParseStart(text string) (Start, error) {
	switch text {
	case "earliest":
		return Start{Where: Earliest}, nil
	case "latest":
		return Start{Where: Latest}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 {
			return Start{Where: AtTime, Time: t.UnixMilli()}, nil
		}
	}
	return Start{}, fmt.Errorf("earliest, latest or a time such as 2026-01-31T00:00:00Z is expected, found %q", text)
}
