package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"touchstream/pipeline/kafkaconn"
)

const (
	// messageBytesDefault is taken for the limit of a topic that does not tell it.
	messageBytesDefault = 1_000_012
	messageBytesLeast   = 512
	messageBytesMost    = 1 << 30
)

// ensureTopic creates a topic that is missing, with the brokers' defaults for
// negative numbers.
func ensureTopic(ctx context.Context, c *kafkaconn.Conn, admin *kadm.Client, topic string, create bool, partitions int32, settings map[string]*string) error {
	meta, err := admin.Metadata(ctx, topic)
	if err == nil {
		err = meta.Topics[topic].Err
	}
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, kerr.UnknownTopicOrPartition):
		return explain(c, topic, err)
	case !create:
		return missing(topic, c)
	}
	const byDefault = -1
	if _, err := admin.CreateTopic(ctx, partitions, byDefault, settings, topic); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return explain(c, topic, err)
	}
	return nil
}

func missing(topic string, c *kafkaconn.Conn) error {
	return fmt.Errorf("topic %s does not exist on %s: create it, or set create: true", topic, c.Address())
}

// messageLimit is the size of the largest batch of messages that a topic takes.
// A client that may not see a topic's settings goes by Kafka's default.
func messageLimit(ctx context.Context, admin *kadm.Client, topic string) int32 {
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return messageBytesDefault
	}
	rc, err := configs.On(topic, nil)
	if err != nil || rc.Err != nil {
		return messageBytesDefault
	}
	for _, k := range rc.Configs {
		if n, err := strconv.Atoi(k.MaybeValue()); k.Key == "max.message.bytes" && err == nil {
			return int32(min(max(n, messageBytesLeast), messageBytesMost))
		}
	}
	return messageBytesDefault
}
