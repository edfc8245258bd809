//go:build !linux

package flat

// adviseHuge does nothing where huge pages cannot be asked for.
func adviseHuge([]byte) {}
