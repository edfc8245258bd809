//go:build !amd64 && !arm64

package flat

import "unsafe"

// prefetch does nothing where it has no instruction.
func prefetch(unsafe.Pointer) {}
