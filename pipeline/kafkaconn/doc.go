// Package kafkaconn declares how a Kafka cluster is reached and what is read
// from it, for every client that does so. It knows no client.
package kafkaconn
