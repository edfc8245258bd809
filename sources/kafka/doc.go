// Package kafka reads topics with franz-go.
//
// All partitions of the topics are assigned by the source itself; no consumer
// group takes part. One goroutine per broker keeps a fetch request under way
// for those partitions that have room, decompresses what comes and queues it
// by partition; Read copies out of the queue. So a partition that nobody reads
// holds at most its own share of the buffer and delays no other.
//
// Requests are made by hand (Fetch, ListOffsets, Metadata) over franz-go's
// client, which brings connections, TLS, SASL, versions and codecs. Record
// batches are walked in place (batch.go): a value is copied once, out of what
// was unpacked into its block, and no record has an object of its own. Only
// messages of the formats before Kafka 0.11 are unpacked by the client (old.go).
// Its consumer does not fit here: it drops what a paused partition has
// buffered, and it says nothing of fetches without records, from which alone
// one learns that a partition's end was found, or that its tail is an aborted
// transaction. No offset is ever reset behind the pipeline's back: one that is
// gone stops it with both offsets named. The one exception is a partition of
// which nothing was read yet and whose oldest records go just then.
//
// Offsets are kept by the pipeline. With Group set they are told to a consumer
// group as well, which has no members, so that tools can show the lag.
//
// The end of a partition, for CaughtUp and for bounded runs, is its last
// stable offset, or with read_uncommitted its high watermark. A record without
// a value (a tombstone) is handed over as an empty one. A batch that would be
// larger than 256 MiB unpacked is not unpacked and stands as one record with
// that size and no bytes. Partitions that come while running are read from
// their first record, whatever start says: nobody else has read them.
package kafka
