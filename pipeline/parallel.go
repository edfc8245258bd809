package pipeline

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// inParallel calls f for 0..n-1 from the given number of workers, of which the
// caller is one. A panic of any call is raised again in the caller, with its
// stack.
func inParallel(workers, n int, f func(worker, i int)) {
	if workers <= 1 || n <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	g := gang{n: int64(n), f: f, done: make(chan struct{}, 1)}
	for w := 1; w < min(workers, n); w++ {
		go g.help(w)
	}
	g.work(0)
	if g.inside.Add(closed) != closed {
		<-g.done
	}
	if text := g.fault.Load(); text != nil {
		panic(*text)
	}
}

// gang is one call of inParallel. A helper that comes late, because other work
// has the processors, is not waited for: the caller has done its share.
type gang struct {
	n    int64
	f    func(worker, i int)
	next atomic.Int64
	// inside counts the helpers at work, less closed once nobody may begin.
	inside atomic.Int64
	done   chan struct{} // the last helper is through
	fault  atomic.Pointer[string]
}

const closed = -1 << 32

func (g *gang) help(worker int) {
	for {
		n := g.inside.Load()
		if n < 0 {
			return
		}
		if g.inside.CompareAndSwap(n, n+1) {
			break
		}
	}
	g.work(worker)
	if g.inside.Add(-1) == closed {
		g.done <- struct{}{}
	}
}

func (g *gang) work(worker int) {
	defer func() {
		if r := recover(); r != nil {
			text := fmt.Sprintf("%v\n%s", r, debug.Stack())
			g.fault.CompareAndSwap(nil, &text)
		}
	}()
	for i := g.next.Add(1) - 1; i < g.n; i = g.next.Add(1) - 1 {
		g.f(worker, int(i))
	}
}

// internalFault turns a panic into an error and logs where it came from.
func internalFault(r any, log *slog.Logger) error {
	log.Error("internal fault", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	return fmt.Errorf("internal fault of the program, please report it with the log: %.200v", r)
}
