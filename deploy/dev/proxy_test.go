package dev_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
)

// echo is a server that answers with what it gets.
type echo struct {
	addr     string
	accepted atomic.Int64
	got      atomic.Int64 // bytes
	faults   chan error   // how connections ended; io.EOF: in order
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e := &echo{addr: l.Addr().String(), faults: make(chan error, 100)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.accepted.Add(1)
			go func() {
				defer c.Close()
				for buf := make([]byte, 1<<16); ; {
					n, err := c.Read(buf)
					e.got.Add(int64(n))
					if err != nil {
						e.faults <- err
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						e.faults <- err
						return
					}
				}
			}()
		}
	}()
	return e
}

func startProxy(t *testing.T, target string) *dev.Proxy {
	t.Helper()
	p, err := dev.StartProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// ask sends a text and wants it back.
func ask(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer(t, c, text)
}

func answer(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("answer %q, %v, want %q", got, err, text)
	}
}

// silent wants no answer for a while.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(150*time.Millisecond)))
	n, err := c.Read(make([]byte, 1))
	var timeout net.Error
	if n != 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("%d bytes, %v, want silence", n, err)
	}
	must(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
}

// wantReset wants a connection to end with RST.
func wantReset(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("ended with %v, want a reset", err)
	}
}

// wantCut wants a new connection to be reset, which may show in the dial.
func wantCut(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	must(t, err)
	defer c.Close()
	wantReset(t, c)
}

func TestProxyPasses(t *testing.T) {
	e := startEcho(t)
	p := startProxy(t, e.addr)
	c := dial(t, p.Addr())
	sent := bytes.Repeat([]byte("0123456789"), 1<<18)
	go func() {
		c.Write(sent)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
	if err := <-e.faults; !errors.Is(err, io.EOF) {
		t.Errorf("the server saw %v, want an end in order", err)
	}
	c = dial(t, p.Addr())
	ask(t, c, "hello")
	c.SetLinger(0)
	c.Close()
	if err := <-e.faults; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server saw %v, want a reset", err)
	}
}

func TestProxyCuts(t *testing.T) {
	e := startEcho(t)
	p := startProxy(t, e.addr)
	c := dial(t, p.Addr())
	ask(t, c, "hello")
	p.Cut()
	wantReset(t, c)
	if err := <-e.faults; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server saw %v, want a reset", err)
	}
	c = dial(t, p.Addr())
	ask(t, c, "again")
	must(t, p.CutAll())
	wantReset(t, c)
	wantCut(t, p.Addr())
	must(t, p.Pass())
	ask(t, dial(t, p.Addr()), "and again")
}

func TestProxyRefuses(t *testing.T) {
	p := startProxy(t, startEcho(t).addr)
	c := dial(t, p.Addr())
	ask(t, c, "hello")
	must(t, p.Refuse())
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v, want a refusal", err)
	}
	ask(t, c, "still here")
	must(t, p.Pass())
	ask(t, dial(t, p.Addr()), "hello")
}

func TestProxyHalfOpen(t *testing.T) {
	p := startProxy(t, startEcho(t).addr)
	c := dial(t, p.Addr())
	ask(t, c, "hello")
	must(t, p.HalfOpen())
	later := dial(t, p.Addr())
	for _, conn := range []*net.TCPConn{c, later} {
		if _, err := io.WriteString(conn, "held"); err != nil {
			t.Fatal(err)
		}
		silent(t, conn)
	}
	must(t, p.Pass())
	answer(t, c, "held")
	answer(t, later, "held")
	must(t, p.HalfOpen())
	p.Cut()
	wantReset(t, c)
}

func TestProxyDelays(t *testing.T) {
	p := startProxy(t, startEcho(t).addr)
	c := dial(t, p.Addr())
	ask(t, c, "hello")
	const d = 100 * time.Millisecond
	must(t, p.Delay(d))
	began := time.Now()
	ask(t, c, "slowly")
	if took := time.Since(began); took < 2*d {
		t.Errorf("there and back in %s, want %s at least", took, 2*d)
	}
	must(t, p.Pass())
	ask(t, c, "fast")
}

func TestProxyBlackHole(t *testing.T) {
	e := startEcho(t)
	p := startProxy(t, e.addr)
	idle, busy := dial(t, p.Addr()), dial(t, p.Addr())
	ask(t, idle, "hello")
	ask(t, busy, "hello")
	must(t, p.BlackHole())
	fresh := dial(t, p.Addr())
	for _, c := range []*net.TCPConn{busy, fresh} {
		if _, err := io.WriteString(c, "swallowed"); err != nil {
			t.Fatal(err)
		}
		silent(t, c)
	}
	if e.accepted.Load() != 2 || e.got.Load() != int64(len("hellohello")) {
		t.Errorf("the server got %d bytes on %d connections", e.got.Load(), e.accepted.Load())
	}
	must(t, p.Pass())
	wantReset(t, busy)
	wantReset(t, fresh)
	ask(t, idle, "still here")
}

func TestProxySlowReader(t *testing.T) {
	e := startEcho(t)
	p := startProxy(t, e.addr)
	c := dial(t, p.Addr())
	ask(t, c, "hello")
	must(t, p.Slow(dev.ToServer, 20_000))
	began := time.Now()
	ask(t, c, string(make([]byte, 10_000)))
	if took := time.Since(began); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("10,000 bytes at 20,000 bytes/s in %s", took)
	}
	must(t, p.Slow(dev.ToClient, 1<<30))
	ask(t, c, string(make([]byte, 1<<20)))
}

func TestProxyCutsAfterBytes(t *testing.T) {
	e := startEcho(t)
	p := startProxy(t, e.addr)
	c, other := dial(t, p.Addr()), dial(t, p.Addr())
	ask(t, c, "hello")
	ask(t, other, "hello")
	before := e.got.Load()
	must(t, p.CutAfter(dev.ToServer, 1000))
	ask(t, c, string(make([]byte, 600)))
	go other.Write(make([]byte, 600))
	wantReset(t, c)
	wantReset(t, other)
	for range 2 {
		<-e.faults
	}
	if n := e.got.Load() - before; n > 1000 || n < 600 {
		t.Errorf("%d bytes passed, want at most 1000", n)
	}
	ask(t, dial(t, p.Addr()), "goes on")
}

func TestProxyWithoutServer(t *testing.T) {
	p := startProxy(t, "")
	wantCut(t, p.Addr())
	p.Forward(startEcho(t).addr)
	ask(t, dial(t, p.Addr()), "hello")
	must(t, p.Close())
	if err := p.Pass(); err == nil {
		t.Error("a closed proxy passes")
	}
}

// TestKafkaBehindProxy has all clients of a broker go through a proxy, and its
// transactions come to their end while the proxy refuses.
func TestKafkaBehindProxy(t *testing.T) {
	k, proxy := devtest.NewProxiedKafka(t)
	writeTransactions(t, k.Brokers())
	checkCommitted(t, k.Brokers())
	proxy.Cut()
	checkCommitted(t, k.Brokers())
	must(t, proxy.Refuse())
	proxy.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := openKafka(t, k.Brokers()).Ping(ctx); err == nil {
		t.Error("a client got past the proxy that refuses")
	}
	if err := openKafka(t, []string{k.Addr()}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, k.Kill())
	must(t, k.Restart(t.Context())) // it gets ready without its proxy
	must(t, proxy.Pass())
	checkCommitted(t, k.Brokers())
}

// TestClickHouseBehindProxy cuts an insert in the middle.
func TestClickHouseBehindProxy(t *testing.T) {
	_, proxy := devtest.NewProxiedClickHouse(t)
	conn := openClickHouse(t, proxy.Addr())
	for _, q := range []string{"CREATE DATABASE relay ENGINE = Atomic", "CREATE TABLE relay.rows (block UInt64, text String) ENGINE = MergeTree ORDER BY block"} {
		must(t, conn.Exec(t.Context(), q))
	}
	must(t, proxy.CutAfter(dev.ToServer, 300_000))
	if err := insertBlock(t.Context(), conn, 1); err == nil {
		t.Error("the insert lived through the cut")
	}
	must(t, insertBlock(t.Context(), conn, 2))
	var n, rows uint64
	must(t, conn.QueryRow(t.Context(), "SELECT uniqExact(block), count() FROM relay.rows").Scan(&n, &rows))
	if n != 1 || rows != blockRows {
		t.Errorf("%d rows of %d blocks, want %d of one", rows, n, blockRows)
	}
}
