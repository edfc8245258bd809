//go:build !amd64

package cpu

// HasAVX2 is false on other processors.
var HasAVX2 bool
