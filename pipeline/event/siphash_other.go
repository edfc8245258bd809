//go:build !amd64

package event

const hasLanes = false

func sip8(*sipGroup, uint64, uint64, int) { panic("no lanes") }
