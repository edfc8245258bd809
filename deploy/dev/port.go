package dev

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// Ports are picked below the ranges that kernels take outgoing ports from. A
// part that is down keeps its port for its next start, and a client that keeps
// dialling a free port of that range ends up connected to itself.
const (
	portFirst = 20000
	portLast  = 29999
)

// claims are the ports that this process has picked. A port is its own from the
// moment it is picked until the process ends, however it ends: also before the
// part that is to listen does so, while that part is down and while a proxy
// refuses. Other processes of this user learn of it by a lock on the byte of
// that number in a file.
var claims struct {
	sync.Mutex
	file  *os.File // never closed: closing any descriptor of it drops the locks
	ports map[int]bool
}

// claim takes a port for this process, unless another has it, and tells whether
// it is new to this process.
func claim(port int) (isOurs, isNew bool, err error) {
	claims.Lock()
	defer claims.Unlock()
	if claims.file == nil {
		path := filepath.Join(os.TempDir(), fmt.Sprintf("touchstream-ports-%d", os.Getuid()))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return false, false, fmt.Errorf("ports: %w", err)
		}
		claims.file, claims.ports = f, map[int]bool{}
	}
	if claims.ports[port] {
		return true, false, nil
	}
	err = syscall.FcntlFlock(claims.file.Fd(), syscall.F_SETLK,
		&syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: int64(port), Len: 1})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("ports: %s: %w", claims.file.Name(), err)
	}
	claims.ports[port] = true
	return true, true, nil
}

// freePorts claims n different ports of 127.0.0.1 that nobody listens on.
func freePorts(n int) ([]int, error) { return freePortsOf(portFirst, portLast, n) }

func freePortsOf(first, last, n int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		_, isNew, err := claim(port)
		if err != nil {
			return nil, err
		}
		if !isNew || !portsFree([]int{port}) {
			continue
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("ports %d to %d: %d free ones needed, %d found", first, last, n, len(ports))
}

// sameOrFreePorts claims ports for a part that had them before, or others if any
// of them is taken by now.
func sameOrFreePorts(ports []int) ([]int, error) {
	isOurs := len(ports) == portsNeeded && portsFree(ports)
	for i := 0; isOurs && i < len(ports); i++ {
		var err error
		if isOurs, _, err = claim(ports[i]); err != nil {
			return nil, err
		}
	}
	if isOurs {
		return ports, nil
	}
	return freePorts(portsNeeded)
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
