// Package bench measures touchstream: decoders beside the limits of the machine,
// identity, operators and windows alone, the whole core from memory, over lanes,
// skew and live sessions, the tables of state beside Go maps, inserts into
// ClickHouse beside prepared blocks, and what exactly-once costs: throughput,
// freshness, latency and recovery. It has tests only; the command suite runs
// them, and README.md tells what each shows and what was seen.
//
// All benchmarks take their input from the seeded workloads of
// sources/generator, so that anybody measures the same bytes.
package bench
