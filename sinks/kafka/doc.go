// Package kafka sends triggers and dead letters to topics, and keeps the
// journal of a pipeline in one.
//
// # Messages
//
// A trigger that is not suppressed becomes one message: a CloudEvent 1.0 in
// binary mode. Its key is the subject, so that what is about one profile or
// zone stays in order. The attributes are headers: ce_id is the trigger id,
// which is the same after any replay; ce_type is the kind; ce_time is the time
// at which it was due; ce_source is /touchstream/<name of the pipeline>. The
// value is the row of table triggers as a JSON object, with payload as an
// object in it; Schema describes it. A trigger that is too large for its topic
// stops the pipeline with an error that says what to raise.
//
// A dead letter is a message without a key whose value is the record's own
// bytes and whose headers are the other columns of table dead_letters. Bytes
// beyond 896 KiB, or beyond what the topic takes, are cut off; then the header
// detail says so, and raw_length says how many bytes there were.
//
// # Ledger
//
// The journal is the topic <name>.journal of one partition. The entry of a
// commit and the messages of a commit are written in one transaction of the
// transactional id <name>: readers with read_committed see both or neither. So
// the sink keeps no state, and its decision is only the number of its messages,
// by which a replay is checked. The messages of the commit that is still open
// are sent into its transaction as they come; while the commit before is being
// written, they wait. An entry is one or more records with the commit's number
// as key and headers that name the format, the instance that wrote it, the part
// and, after a reset, its generation.
//
// After a failure a transaction may have been committed all the same. Then the
// producer is given up and another one takes over the transactional id, which
// ends what the former had begun, one way or the other; the end of the journal
// then says whether the entry is there. If not, the same messages and the same
// entry are sent again.
//
// Instances of one pipeline are members of the group <name>.active. The one
// that is given the journal's partition is active, and keeps it when others
// come. When it leaves, another takes over at once; when it dies or freezes,
// after six seconds. The newcomer takes over the transactional id, so whatever
// the former may still send is refused; it learns of that and stops. The group
// only says who should write. Should two instances ever believe that they are
// the one, the journal decides: each looks at its end after it has taken over
// the transactional id, and one that finds an entry there which is not its own
// stops.
//
// Reset leaves nothing but a mark, a record of number 0 with the generation
// that the next state has at least.
//
// # Without a ledger
//
// In a run that keeps no state, messages are sent once their commit is
// released, by an idempotent producer that waits for all replicas. With Fast,
// triggers are always sent like this, and even before their commit, which waits
// until they are acknowledged: after a crash they may be sent again, so they
// come at least once. While brokers are away the client keeps what it has taken
// and tries again by itself, in order; nothing is handed to it twice.
package kafka
