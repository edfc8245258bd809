// Package bench measures touchstream: decoders beside the limits of the machine,
// the whole core from memory, the tables of state beside Go maps, inserts into
// ClickHouse beside prepared blocks, and what exactly-once costs: throughput,
// freshness, latency and recovery. It has tests only; README.md tells
// what each benchmark shows, how to run it and what was seen.
//
// All benchmarks take their input from the seeded workloads of
// sources/generator, so that anybody measures the same bytes.
package bench
