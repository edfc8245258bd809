package pipeline

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// TestInParallel calls everything once, by workers of the given numbers, and is
// back only when all calls are.
func TestInParallel(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 5} {
		for _, n := range []int{0, 1, 2, 7, 300} {
			for range 50 {
				calls, inside := make([]atomic.Int32, n), atomic.Int32{}
				inParallel(workers, n, func(worker, i int) {
					inside.Add(1)
					if worker < 0 || worker >= max(1, workers) {
						t.Errorf("worker %d of %d", worker, workers)
					}
					runtime.Gosched()
					calls[i].Add(1)
					inside.Add(-1)
				})
				if inside.Load() != 0 {
					t.Fatal("a call goes on")
				}
				for i := range calls {
					if c := calls[i].Load(); c != 1 {
						t.Fatalf("%d workers called %d of %d %d times", workers, i, n, c)
					}
				}
			}
		}
	}
}

// TestLateHelper: one that comes when the caller is through does nothing, and was
// not waited for.
func TestLateHelper(t *testing.T) {
	calls := 0
	g := gang{n: 3, f: func(int, int) { calls++ }, done: make(chan struct{}, 1)}
	g.work(0)
	if g.inside.Add(closed) != closed {
		t.Fatal("somebody is inside")
	}
	g.n = 5
	g.help(1)
	if calls != 3 || len(g.done) != 0 {
		t.Errorf("%d calls, %d signals", calls, len(g.done))
	}
}

func TestPanicInParallel(t *testing.T) {
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, "lost") || !strings.Contains(r, "parallel_test.go") {
			t.Errorf("%v was raised", r)
		}
	}()
	inParallel(3, 50, func(_, i int) {
		if i == 30 {
			panic("lost")
		}
	})
	t.Error("no panic was raised")
}
