package flat

import "unsafe"

// Touch asks for the cache line at p and does not wait for it: for what is read
// some rows later. It changes nothing.
func Touch[T any](p *T) { prefetch(unsafe.Pointer(p)) }

// TouchBytes asks for the first cache line of b.
func TouchBytes(b []byte) { prefetch(unsafe.Pointer(unsafe.SliceData(b))) }
