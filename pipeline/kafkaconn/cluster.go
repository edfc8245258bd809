package kafkaconn

import (
	"fmt"
	"sync"
)

// Cluster tells the cluster that was read from another one behind the same
// addresses: offsets of one mean nothing in the other.
type Cluster struct {
	mu           sync.Mutex
	id, expected string
}

// Mark is the cluster's id, nil before it is known.
func (c *Cluster) Mark() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id == "" {
		return nil
	}
	return []byte(c.id)
}

// Expect gives the mark of the state.
func (c *Cluster) Expect(mark []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = string(mark)
}

// Found compares what the brokers say of themselves; one without an id is
// compared with nothing.
func (c *Cluster) Found(id, address string) error {
	if id == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expected != "" && id != c.expected {
		return fmt.Errorf("the state was read from Kafka cluster %s, and %s is cluster %s, whose offsets are others: correct brokers, or reset the state to read this one from start", c.expected, address, id)
	}
	c.id = id
	return nil
}
