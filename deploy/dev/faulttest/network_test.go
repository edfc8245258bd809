package faulttest_test

import (
	"testing"
	"time"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/faulttest"
)

// networkFault makes a proxy misbehave.
type networkFault func(*dev.Proxy) error

// shortFaults are those that the default run has.
func shortFaults() []networkFault {
	return []networkFault{
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToServer, 20_000) },
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToClient, 500) }, // an answer is lost
		(*dev.Proxy).CutAll,
		(*dev.Proxy).HalfOpen,
	}
}

// allFaults are those of make faults.
func allFaults() []networkFault {
	return append(shortFaults(),
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToServer, 100_000) },
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToClient, 100_000) },
		(*dev.Proxy).Refuse,
		(*dev.Proxy).BlackHole,
		func(p *dev.Proxy) error { return p.Delay(100 * time.Millisecond) },
		func(p *dev.Proxy) error { return p.Slow(dev.ToServer, 100_000) },
		func(p *dev.Proxy) error { return p.Slow(dev.ToClient, 100_000) },
	)
}

// endure has the faults, one after another, under load.
func endure(t *testing.T, r *faulttest.Run, proxy *dev.Proxy) {
	t.Helper()
	faults, perSecond := shortFaults(), 1_000
	if isAll() {
		faults, perSecond = allFaults(), 400
	}
	r.Start("")
	r.Load(perSecond)
	for _, fault := range faults {
		must(t, fault(proxy))
		time.Sleep(time.Second) // how long the fault lasts
		must(t, proxy.Pass())
		proxy.Cut()
	}
	r.Finish()
	r.Check()
}

// TestWarehouseNetwork has faults of the network between pipeline and
// ClickHouse.
func TestWarehouseNetwork(t *testing.T) {
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{})
	endure(t, r, r.ClickHouseProxy)
}

// TestBrokerNetwork has faults of the network between pipeline and Kafka, which
// the load goes through too.
func TestBrokerNetwork(t *testing.T) {
	long(t)
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{Topics: 2, Partitions: 2})
	endure(t, r, r.KafkaProxy)
}
