// Package faulttest drives fault tests of the built binary: a real broker and
// a real engine, each behind a proxy, a load with known content, a pipeline
// that is killed, stopped and started again, and a check that nothing was lost
// and nothing doubled. A scenario is
//
//	r := faulttest.New(t, faulttest.Options{})
//	r.Load(2_000)
//	for n := range 5 {
//		r.RunUntilKilled("commit.before", 3+n)
//	}
//	r.Finish()
//	r.Check()
//
// go test runs a short part. TOUCHSTREAM_FAULTS=all runs everything, as make
// faults does. Clocks that jump are left to the simulation in package pipeline:
// a process has no clock of its own to be moved.
//
// The binary is built once with the tag faults, so that TOUCHSTREAM_KILL works
// in it, and with the race detector if TOUCHSTREAM_FAULTS_RACE=1.
//
// The oracle is an undisturbed bounded run of the same binary over what the
// topics hold, into another database; another client than the pipeline's reads
// them too, for an account of every record. At last touchstream verify derives
// the facts once more.
//
// A load at a rate waits for the pipeline, so that kills are under load however
// fast the machine is. It ends with one closing event for each partition, far
// behind all others in time, so that what the bounded run closes at its end is
// closed in the live run too. No partition goes idle meanwhile: nothing outside
// the log may have decided anything. With one partition the log has one order,
// and all tables must be equal. With several the order between partitions is not
// the oracle's, so tables and columns that follow it (profiles and what is keyed
// by them) are left out.
//
// FileRun is a scenario without Kafka: a file as input, the journal in files.
package faulttest
