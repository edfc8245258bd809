//go:build amd64 || arm64

package flat

import "unsafe"

// prefetch asks for the cache line at an address and does not wait for it. No
// address is wrong: one that cannot be read is ignored.
//
//go:noescape
func prefetch(address unsafe.Pointer)
