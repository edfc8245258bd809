package dev

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Direction is one way through a proxy.
type Direction int

// The two ways.
const (
	ToServer Direction = iota
	ToClient
)

// Proxy is a TCP proxy inside this process that can be made to misbehave while
// it runs. Its methods can be called at any time from any goroutine. A mode
// counts for the connections that there are and for new ones, until the next.
type Proxy struct {
	port int

	mu       sync.Mutex
	target   string
	listener net.Listener // nil while clients are refused
	mode     proxyMode
	changed  chan struct{} // closed and renewed when mode changes
	joints   map[*joint]struct{}
	isClosed bool
	group    sync.WaitGroup
}

// proxyMode is what a proxy does with connections and bytes.
type proxyMode struct {
	refuse    bool
	cut       bool          // new connections end at once
	hold      bool          // nothing is forwarded, neither bytes nor ends
	swallow   bool          // bytes of clients are read and dropped
	delay     time.Duration // between a byte's arrival and its leaving
	perSecond int           // bytes a second in way; 0: no bound
	way       Direction
	left      *int64 // bytes in way until all connections are cut, nil: no bound
}

// StartProxy listens on a free port of 127.0.0.1 and passes connections on to
// target, host:port. The caller owns it and ends it with Close. A target that
// is not known yet is empty and comes with Forward; until then clients are
// cut.
func StartProxy(target string) (*Proxy, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{port: ports[0], target: target, changed: make(chan struct{}), joints: map[*joint]struct{}{}}
	if err := p.set(proxyMode{}); err != nil {
		return nil, err
	}
	return p, nil
}

// Addr is the address for clients, host:port.
func (p *Proxy) Addr() string { return loopback(p.port) }

// Forward passes new connections on to another server.
func (p *Proxy) Forward(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Close cuts all connections and ends the proxy.
func (p *Proxy) Close() error {
	err := p.set(proxyMode{refuse: true})
	p.Cut()
	p.mu.Lock()
	p.isClosed = true
	p.mu.Unlock()
	p.group.Wait()
	return err
}

// Pass forwards everything, both ends' resets too.
func (p *Proxy) Pass() error { return p.set(proxyMode{}) }

// Cut resets the connections that there are; the mode stays.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// CutAll resets all connections, new ones as soon as they are made.
func (p *Proxy) CutAll() error { return p.set(proxyMode{cut: true}) }

// Refuse stops listening. The connections that there are go on.
func (p *Proxy) Refuse() error { return p.set(proxyMode{refuse: true}) }

// HalfOpen stops forwarding and keeps connections open. What arrives meanwhile
// is forwarded when the mode ends.
func (p *Proxy) HalfOpen() error { return p.set(proxyMode{hold: true}) }

// Delay holds every byte back for d, each way.
func (p *Proxy) Delay(d time.Duration) error { return p.set(proxyMode{delay: d}) }

// BlackHole accepts connections, drops what clients send and never answers.
// Connections from which it has dropped something are cut when the mode ends.
func (p *Proxy) BlackHole() error { return p.set(proxyMode{swallow: true}) }

// Slow lets so many bytes a second pass in one way of each connection.
func (p *Proxy) Slow(way Direction, bytesPerSecond int) error {
	return p.set(proxyMode{way: way, perSecond: bytesPerSecond})
}

// CutAfter cuts all connections once n bytes more have passed in one way, all
// connections together, and passes what comes after.
func (p *Proxy) CutAfter(way Direction, n int64) error { return p.set(proxyMode{way: way, left: &n}) }

func (p *Proxy) set(m proxyMode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed {
		return errors.New("proxy: closed")
	}
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	if m.cut {
		p.cut()
	}
	for j := range p.joints {
		if j.hasLost && !m.swallow {
			p.end(j)
		}
	}
	switch {
	case m.refuse && p.listener != nil:
		err := p.listener.Close()
		p.listener = nil
		return err
	case !m.refuse && p.listener == nil:
		l, err := net.Listen("tcp", p.Addr())
		if err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		p.listener = l
		p.group.Go(func() { p.accept(l) })
	}
	return nil
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed by set
		}
		client := c.(*net.TCPConn)
		p.group.Go(func() { p.join(client) })
	}
}

// join serves one client to its end.
func (p *Proxy) join(client *net.TCPConn) {
	j := &joint{proxy: p, client: client, done: make(chan struct{})}
	p.mu.Lock()
	mode, target := p.mode, p.target
	if mode.cut || mode.refuse {
		p.mu.Unlock()
		reset(client)
		return
	}
	p.joints[j] = struct{}{}
	p.mu.Unlock()
	defer j.cut()
	if mode.swallow {
		// The server is to know nothing of this client. Whatever the mode
		// becomes, the greeting is lost.
		j.lose()
		for buf := make([]byte, 4096); ; {
			if _, err := client.Read(buf); err != nil {
				return
			}
		}
	}
	c, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		return
	}
	server := c.(*net.TCPConn)
	p.mu.Lock()
	j.server = server
	if j.isCut() {
		reset(server)
	}
	p.mu.Unlock()
	answered := make(chan bool)
	go func() { answered <- j.forward(ToClient, client, server) }()
	asked := j.forward(ToServer, server, client)
	if <-answered && asked {
		j.close()
	}
}

// cut resets all connections; the lock is held.
func (p *Proxy) cut() {
	for j := range p.joints {
		p.end(j)
	}
}

// end resets a pair; the lock is held.
func (p *Proxy) end(j *joint) {
	delete(p.joints, j)
	if j.isCut() {
		return
	}
	close(j.done)
	reset(j.client)
	if j.server != nil {
		reset(j.server)
	}
}

// reset closes with RST, as the kernel does for a process that was killed with
// bytes unread.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // it may be closed
	_ = c.Close()
}
