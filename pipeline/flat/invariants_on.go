//go:build invariants

package flat

// invariants turns on checks that cost time.
const invariants = true
