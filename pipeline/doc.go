// Package pipeline is the vocabulary and the engine: sources hand over raw
// records, a step decodes a bounded set of them, drops duplicates, resolves
// profiles, routes rows to fixed shards and lets each shard's operators fold
// them; watermarks and timers follow, and columnar rows leave for the sinks.
//
// A shard is a deterministic fold over an ordered log of columnar batches:
// nothing but the log changes a result. What the outside world decides (which
// offsets arrived in which step, that a partition went idle, the clock) enters
// a step as its input.
package pipeline
