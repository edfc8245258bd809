package dev

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kfake"
)

// FakeKafka is a Kafka broker inside this process: nothing to fetch, nothing
// to wait for. It knows groups and transactions.
type FakeKafka struct {
	cluster *kfake.Cluster
}

// FakeKafkaConfig says what a fake broker offers.
type FakeKafkaConfig struct {
	Port   int              // of 127.0.0.1; 0 for a free one
	Topics map[string]int32 // name → number of partitions, created at once
	Dir    string           // where records are kept; empty for memory alone
}

// StartFakeKafka starts a broker of one node. The caller owns it and ends it
// with Close.
func StartFakeKafka(config FakeKafkaConfig) (*FakeKafka, error) {
	options := []kfake.Opt{kfake.NumBrokers(1)}
	if config.Port != 0 {
		options = append(options, kfake.Ports(config.Port))
	}
	if config.Dir != "" {
		options = append(options, kfake.DataDir(config.Dir))
	}
	for _, topic := range slices.Sorted(maps.Keys(config.Topics)) {
		options = append(options, kfake.SeedTopics(config.Topics[topic], topic))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("fake kafka: %w", err)
	}
	return &FakeKafka{cluster: cluster}, nil
}

// Brokers is the list of addresses for clients, host:port.
func (f *FakeKafka) Brokers() []string { return f.cluster.ListenAddrs() }

// Close ends the broker. What Dir does not hold is gone.
func (f *FakeKafka) Close() { f.cluster.Close() }
