package pipeline

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// inParallel calls f for 0..n-1 from the given number of workers. A panic of
// any call is raised again in the caller, with its stack.
func inParallel(workers, n int, f func(worker, i int)) {
	if workers <= 1 || n <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var fault atomic.Pointer[string]
	var wg sync.WaitGroup
	for w := range min(workers, n) {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					text := fmt.Sprintf("%v\n%s", r, debug.Stack())
					fault.CompareAndSwap(nil, &text)
				}
			}()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(w, i)
			}
		})
	}
	wg.Wait()
	if text := fault.Load(); text != nil {
		panic(*text)
	}
}

// internalFault turns a panic into an error and logs where it came from.
func internalFault(r any, log *slog.Logger) error {
	log.Error("internal fault", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	return fmt.Errorf("internal fault of the program, please report it with the log: %.200v", r)
}
