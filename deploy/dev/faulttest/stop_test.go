package faulttest_test

import (
	"testing"
	"time"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/faulttest"
)

// stopMax is how long a stop may take: 10 s, and what a busy machine adds.
const stopMax = 20 * time.Second

// stops sends SIGTERM to an instance, wakes it if it is frozen, and expects a
// good end in time.
func stops(t *testing.T, what string, p *faulttest.Process) {
	t.Helper()
	began := time.Now()
	if code := p.Terminate(); code != 0 {
		t.Errorf("exit code %d on SIGTERM %s:\n%s", code, what, p.Log())
	}
	if d := time.Since(began); d > stopMax {
		t.Errorf("SIGTERM %s ended the pipeline after %v", what, d)
	}
}

// TestStopInEachPhase stops the pipeline with SIGTERM while it starts, replays,
// runs, is held and stands by. A stop in order leaves nothing to replay.
func TestStopInEachPhase(t *testing.T) {
	long(t)
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{})
	p := r.Start("")
	p.Await("an answer", func(faulttest.Status) bool { return true })
	stops(t, "while it starts", p)

	must(t, r.ClickHouseProxy.Refuse())
	p = r.Start("")
	p.Await("a pipeline that waits for ClickHouse", func(s faulttest.Status) bool { return s.Held != "" })
	stops(t, "while it waits for ClickHouse before it has begun", p)
	must(t, r.ClickHouseProxy.Pass())

	r.Load(300)
	p = r.Start("")
	p.Await("some records", func(s faulttest.Status) bool { return s.Records > 500 })
	second := standby(r)
	stops(t, "while it stands by", second)
	stops(t, "under load", p)

	// The kill leaves the commits since the snapshot before.
	p = r.RunUntilKilled("snapshot.before", 2)
	if n := p.Replayed(); n != 0 {
		t.Errorf("%d commits were replayed after a stop in order", n)
	}
	// A replay of a few steps is over before a signal could come.
	p = r.Start("fold.before:1:stop")
	p.AwaitFrozen()
	if n := p.Replayed(); n == 0 {
		t.Error("no commit was to be replayed after a kill")
	}
	stops(t, "while it replays", p)

	p = r.Start("")
	p.Await("a running pipeline", faulttest.Status.IsRunning)
	for name, fault := range map[string]func(*dev.Proxy) error{"is away": (*dev.Proxy).Refuse, "does not answer": (*dev.Proxy).BlackHole} {
		must(t, fault(r.ClickHouseProxy))
		p.Await("a held pipeline", func(s faulttest.Status) bool { return s.State == "held" })
		stops(t, "while ClickHouse "+name, p)
		must(t, r.ClickHouseProxy.Pass())
		p = r.Start("")
		p.Await("a running pipeline", faulttest.Status.IsRunning)
		if n := p.Replayed(); n != 0 {
			t.Errorf("%d commits were replayed after a stop while ClickHouse %s", n, name)
		}
	}
	r.Finish()
	r.Check()
}
