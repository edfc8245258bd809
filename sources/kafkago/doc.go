// Package kafkago reads topics with kafka-go, a second client behind the same
// configuration as package kafka: driver: kafka-go.
//
// One goroutine per partition keeps a fetch under way while the partition has
// room, with a connection of its own; what comes is queued as in package kafka
// and read in the same way, bounded runs included. It reads uncommitted
// records only, because kafka-go does not leave out those of transactions that
// were aborted, and it does not notice that a topic was deleted and created
// again unless its offsets went back.
//
// kafka-go decompresses a batch before it says how large it is, so the memory
// of one fetch is bounded only by what brokers let producers write.
package kafkago
