package faulttest_test

import (
	"testing"
	"time"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/faulttest"
)

// TestWarehouseNetwork has every fault of the network between pipeline and
// ClickHouse, under load.
func TestWarehouseNetwork(t *testing.T) {
	r := faulttest.New(t, faulttest.Options{})
	r.Start("")
	r.Load(2_000)
	for _, fault := range []func(*dev.Proxy) error{
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToServer, 20_000) },
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToServer, 100_000) },
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToClient, 500) }, // the answer to an insert is lost
		(*dev.Proxy).Refuse,
		(*dev.Proxy).CutAll,
		(*dev.Proxy).BlackHole,
		(*dev.Proxy).HalfOpen,
		func(p *dev.Proxy) error { return p.Delay(100 * time.Millisecond) },
		func(p *dev.Proxy) error { return p.Slow(dev.ToServer, 200_000) },
	} {
		must(t, fault(r.ClickHouseProxy))
		time.Sleep(time.Second) // how long the fault lasts
		must(t, r.ClickHouseProxy.Pass())
		r.ClickHouseProxy.Cut()
	}
	r.Finish()
	r.Check()
}

// TestBrokerNetwork has every fault of the network between pipeline and Kafka,
// under load.
func TestBrokerNetwork(t *testing.T) {
	r := faulttest.New(t, faulttest.Options{Topics: 2, Partitions: 2})
	r.Start("")
	r.Load(2_000)
	for _, fault := range []func(*dev.Proxy) error{
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToServer, 20_000) },
		func(p *dev.Proxy) error { return p.CutAfter(dev.ToClient, 100_000) },
		(*dev.Proxy).Refuse,
		(*dev.Proxy).CutAll,
		(*dev.Proxy).BlackHole,
		(*dev.Proxy).HalfOpen,
		func(p *dev.Proxy) error { return p.Delay(100 * time.Millisecond) },
	} {
		must(t, fault(r.KafkaProxy))
		time.Sleep(time.Second) // how long the fault lasts
		must(t, r.KafkaProxy.Pass())
		r.KafkaProxy.Cut()
	}
	r.Finish()
	r.Check()
}
