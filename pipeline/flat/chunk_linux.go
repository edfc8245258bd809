package flat

import (
	"os"
	"syscall"
	"unsafe"
)

const hugeBytes = 2 << 20

// adviseHuge asks for huge pages behind b, which holds but zeroes. An error
// changes nothing but the time that reads take.
func adviseHuge(b []byte) {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	end := first + uintptr(len(b))
	// Small pages that lie there from an earlier use are given back, since only
	// memory without any gets huge ones at once; it reads as zeroes again. Only
	// whole pages of b itself are.
	page := uintptr(os.Getpagesize())
	if from, to := (first+page-1)&^(page-1), end&^(page-1); from < to {
		madvise(from, to, syscall.MADV_DONTNEED)
	}
	// A huge page at the edge of b is shared with what lies beside it on the
	// heap. The advice changes no content, so it may reach beyond b.
	madvise(first&^(hugeBytes-1), (end+hugeBytes-1)&^(hugeBytes-1), syscall.MADV_HUGEPAGE)
}

func madvise(from, to uintptr, advice uintptr) {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, advice)
}
