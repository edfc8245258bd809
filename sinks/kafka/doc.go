// Package kafka sends triggers and dead letters to topics.
//
// A trigger that is not suppressed becomes one message: a CloudEvent 1.0 in
// binary mode. Its key is the subject, so that what is about one profile or
// zone stays in order; the attributes are headers (ce_id is the trigger id and
// equal after any replay, ce_type the kind, ce_time the time at which it was
// due, ce_source /touchstream/<name of the pipeline>); the value is the row of
// table triggers as a JSON object with payload as an object in it. Schema
// describes it.
//
// A dead letter is a message without a key whose value is the record's own
// bytes and whose headers are the other columns of table dead_letters. Bytes
// beyond 896 KiB are cut, since brokers take no larger messages by default;
// header raw_length then tells how many there were.
//
// Messages are written by an idempotent producer that waits for all replicas.
// While brokers are away the client keeps what it has taken and tries again
// itself, in order; nothing is handed to it twice.
package kafka
