// Package kafka sends triggers and dead letters to topics, and keeps the
// journal of a pipeline in one.
//
// # Messages
//
// A trigger that is not suppressed becomes one message: a CloudEvent 1.0 in
// binary mode. Its key is the subject, so that what is about one profile or
// zone stays in order; the attributes are headers (ce_id is the trigger id and
// equal after any replay, ce_type the kind, ce_time the time at which it was
// due, ce_source /touchstream/<name of the pipeline>); the value is the row of
// table triggers as a JSON object with payload as an object in it. Schema
// describes it. One that its topic does not take stops the pipeline with the
// sizes.
//
// A dead letter is a message without a key whose value is the record's own
// bytes and whose headers are the other columns of table dead_letters. Bytes
// beyond 896 KiB, or beyond what the topic takes, are cut; detail then says so,
// and header raw_length how many there were.
//
// # Ledger
//
// The journal is the topic <name>.journal of one partition. The entry of a
// commit and the messages of a commit are written in one transaction of the
// transactional id <name>: readers with read_committed see both or neither. The
// messages of the commit that is still open are sent into its transaction as
// they come, unless another commit is under way; then they wait for their own.
// An entry is one or more records with the commit's number as key and headers
// that name the format, the instance that wrote it and the part.
//
// After a failure it may be that a transaction was committed all the same. Then
// the producer is given up and another one takes over the transactional id,
// which ends what the former had begun, one way or the other; the end of the
// journal then says whether the entry is there. If not, messages and entry are
// sent again, the same.
//
// Instances of one pipeline are members of group <name>.active; the one that
// is given the journal's partition is active, and keeps it when others come.
// When it leaves, another takes over at once; when it dies or freezes, after
// six seconds. The newcomer takes over the transactional id, so what the former
// may still send is refused, and it finds out and stops. The group only says
// who should write. Should two instances ever believe that they are the one,
// the journal decides: each looks at its end after it has taken over the
// transactional id, and one that finds an entry there which is not its own
// stops.
//
// Reset leaves nothing but a mark, a record of number 0 with the new state's
// generation.
//
// # Without a ledger
//
// In a run that keeps no state, messages are written by an idempotent producer
// that waits for all replicas once their commit is released. With Fast,
// triggers are in any case written like this, and before their commit, which
// waits for them: at least once. While brokers are away the client keeps what
// it has taken and tries again itself, in order; nothing is handed to it twice.
package kafka
