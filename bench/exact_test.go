package bench

import (
	"fmt"
	"testing"

	"touchstream/deploy/dev/devtest"
)

// BenchmarkRealExact runs the whole pipeline from a filled Kafka topic into
// ClickHouse and Kafka, with its state (journal, transactions, spool, a
// snapshot at the end) and without. An operation is a pair of runs; every
// second pair begins with the other one.
func BenchmarkRealExact(b *testing.B) {
	brokers, addr := devtest.Kafka(b), devtest.ClickHouse(b)
	program(b)
	fillTopic(b, brokers, "exact", newSlab(b, "web", *commitRecords))
	run := func(name string, flags ...string) cost {
		j := job{Name: name, Input: "exact", Commit: "1s", Kafka: brokers[0], ClickHouse: addr, Time: "{}", After: "1m"}
		c := j.runToEnd(b, *commitRecords, flags...)
		j.drop(b)
		b.Logf("%s: %.2f s, %.2f s of CPU", name, c.wall.Seconds(), c.cpu.Seconds())
		return c
	}
	var off, on costs
	pair := 0
	for b.Loop() {
		pair++
		for k := range 2 {
			if (pair+k)%2 == 1 {
				off = append(off, run(fmt.Sprintf("off%d", pair)))
			} else {
				on = append(on, run(fmt.Sprintf("on%d", pair), "--keep-state"))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	off.report(b, "off")
	on.report(b, "on")
	on.beside(b, off, "on")
}
