package dev

import (
	"errors"
	"io"
	"net"
	"time"
)

// joint is a client's connection and its counterpart to the server. The
// proxy's lock guards all but client.
type joint struct {
	proxy   *Proxy
	client  *net.TCPConn
	server  *net.TCPConn  // nil until the server has answered
	done    chan struct{} // closed when both connections are
	hasLost bool          // bytes are missing: it can never pass again
}

func (j *joint) isCut() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// cut resets both connections unless they are closed.
func (j *joint) cut() {
	j.proxy.mu.Lock()
	defer j.proxy.mu.Unlock()
	j.proxy.end(j)
}

// close closes both connections in order: what was forwarded still arrives.
func (j *joint) close() {
	j.proxy.mu.Lock()
	defer j.proxy.mu.Unlock()
	if !j.isCut() {
		delete(j.proxy.joints, j)
		close(j.done)
		_ = j.client.Close() // both have had their ends
		_ = j.server.Close()
	}
}

// piece is what one read gave.
type piece struct {
	data []byte
	err  error // io.EOF for an end in order
	at   time.Time
}

const (
	pieceBytes  = 32 << 10
	piecesMax   = 64 // read ahead while bytes are held back
	slowPerTick = 20 // shares of a second that a slow way is served in
)

// forward copies one way until it ends. It returns true for an end in order;
// otherwise both connections are cut.
func (j *joint) forward(way Direction, dst, src *net.TCPConn) bool {
	pieces := make(chan piece, piecesMax)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, pieceBytes)
			n, err := src.Read(buf)
			pieces <- piece{buf[:n], err, time.Now()}
			if err != nil {
				return
			}
		}
	}()
	// The reader must get rid of what it has, and ends when src is closed.
	defer func() {
		for range pieces {
		}
	}()
	for x := range pieces {
		if !j.pass(way, dst, x) {
			j.cut()
			return false
		}
	}
	return true
}

// pass writes a piece as the mode of the time wants it. It returns false if
// the connection is over.
func (j *joint) pass(way Direction, dst *net.TCPConn, x piece) bool {
	p := j.proxy
	for {
		p.mu.Lock()
		m, changed := p.mode, p.changed
		p.mu.Unlock()
		switch {
		case j.isCut():
			return false
		case m.hold:
			if !j.wait(changed, -1) {
				return false
			}
			continue
		case m.swallow:
			j.lose()
			return x.err == nil
		case m.delay > time.Since(x.at):
			if !j.wait(changed, m.delay-time.Since(x.at)) {
				return false
			}
			continue
		}
		if len(x.data) == 0 {
			return j.passEnd(dst, x.err)
		}
		n := len(x.data)
		if m.way == way && m.perSecond > 0 {
			n = min(n, max(1, m.perSecond/slowPerTick))
		}
		cut := false
		if m.way == way && m.left != nil {
			n, cut = p.spend(m.left, n)
		}
		if _, err := dst.Write(x.data[:n]); err != nil {
			return false
		}
		if cut {
			p.Cut()
			return false
		}
		x.data = x.data[n:]
		if m.way == way && m.perSecond > 0 && !j.wait(changed, time.Duration(n)*time.Second/time.Duration(m.perSecond)) {
			return false
		}
		if len(x.data) == 0 && x.err == nil {
			return true
		}
	}
}

// passEnd does to dst what became of the other side.
func (j *joint) passEnd(dst *net.TCPConn, err error) bool {
	if errors.Is(err, io.EOF) {
		return dst.CloseWrite() == nil
	}
	return err == nil
}

// spend takes n of the bytes that are left, or what there is, and tells
// whether that was the last. The mode then passes again.
func (p *Proxy) spend(left *int64, n int) (granted int, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode.left != left {
		return n, false // the mode has changed meanwhile
	}
	granted = int(min(int64(n), *left))
	*left -= int64(granted)
	if *left > 0 {
		return granted, false
	}
	p.mode = proxyMode{}
	return granted, true
}

// wait returns after a time, or without end if it is negative, or when the
// mode changes, or with false when the connection is over.
func (j *joint) wait(changed <-chan struct{}, d time.Duration) bool {
	var after <-chan time.Time
	if d >= 0 {
		after = time.After(d)
	}
	select {
	case <-changed:
	case <-after:
	case <-j.done:
		return false
	}
	return true
}

func (j *joint) lose() {
	j.proxy.mu.Lock()
	defer j.proxy.mu.Unlock()
	j.hasLost = true
}
