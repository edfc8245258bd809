package kafka

import (
	"regexp"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/schema"
)

// Config says where messages go.
type Config struct {
	kafkaconn.Conn
	Topic       string // of triggers; empty: none
	DeadLetters string // empty: none
	Create      bool
	// Name is the pipeline's, part of the source of triggers.
	Name string
	// Fast sends triggers before their commit, at least once.
	Fast bool
}

var topicPattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{0,249}$`)

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	c.Conn.Declare(s)
	const legal = "the name of a topic (letters, digits, ., _ and -, at most 249)"
	s.String("topic", &c.Topic, "", "Topic of triggers; left out: none are sent.").Match(topicPattern, legal)
	s.String("dead_letters", &c.DeadLetters, "", "Topic of records that could not be used; left out: none are sent.").Match(topicPattern, legal)
	s.Bool("create", &c.Create, true, "Create topics that are missing, with the brokers' default partitions and replicas.")
	s.Check(func() {
		switch {
		case c.Topic == "" && c.DeadLetters == "":
			s.Fault("", "topic or dead_letters is required")
		case c.Topic == c.DeadLetters:
			s.Fault("dead_letters", "must not be the topic of triggers, %s", c.Topic)
		}
	}, "topic", "dead_letters")
}

// Tables are the tables that the sink takes.
func (c *Config) Tables() []*schema.Table {
	var out []*schema.Table
	if c.Topic != "" {
		out = append(out, pipeline.Triggers)
	}
	if c.DeadLetters != "" {
		out = append(out, pipeline.DeadLetters)
	}
	return out
}
