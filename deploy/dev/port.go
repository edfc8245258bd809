package dev

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are picked below the ranges that kernels take outgoing ports from. A
// part that is down keeps its port for its next start, and a client that keeps
// dialling a free port of that range ends up connected to itself.
const (
	portFirst = 20000
	portLast  = 29999
)

// freePorts picks n different ports of 127.0.0.1 that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := portFirst + rand.IntN(portLast-portFirst+1)
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		// Held until all are found, so that they differ.
		defer l.Close()
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("ports %d to %d: %d free ones needed, %d found", portFirst, portLast, n, len(ports))
}

// portsFree tells whether all of ports can be listened on.
func portsFree(ports []int) bool {
	for _, port := range ports {
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
