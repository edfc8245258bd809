package bench

import (
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID of clock_gettime(2)

// threadCPU is the CPU time of the calling thread so far. The caller must have
// locked its goroutine to the thread.
func threadCPU() time.Duration {
	var t syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		panic(errno)
	}
	return time.Duration(t.Nano())
}

// TestThreadCPU works on the thread until its clock has gone on.
func TestThreadCPU(t *testing.T) {
	from, deadline := threadCPU(), time.Now().Add(time.Minute)
	for threadCPU()-from < time.Millisecond {
		if time.Now().After(deadline) {
			t.Fatal("the thread's clock stands still")
		}
	}
}
