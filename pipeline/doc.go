// Package pipeline is the vocabulary and the engine. Sources hand over raw
// records. A step decodes a bounded set of them, drops duplicates, resolves
// profiles, routes rows to fixed shards and lets each shard's operators fold
// them; watermarks move on, timers fire, and columnar rows go to the sinks.
//
// A shard is a deterministic fold over an ordered log of columnar batches:
// nothing but the log changes a result. What the outside world decides (which
// offsets arrived in which step, that a partition went idle, the clock) enters
// a step as its input.
//
// A commit ends some steps. Each Sink decides what leaves with it (Cut), the
// Journal makes the decisions and the inputs of the steps durable, and only
// then do the sinks deliver (Release). After a crash the engine loads the newest
// snapshot of the state and replays the commits behind it from the journal: the
// same inputs, the same rows, the same decisions. So what a sink has delivered
// before, it can recognize.
package pipeline
