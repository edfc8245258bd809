package dev_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"touchstream/deploy/dev/devtest"
)

// mortalConn is a connection whose client dies once it has sent some bytes.
type mortalConn struct {
	net.Conn
	left  *atomic.Int64 // bytes until its death
	reset bool          // die with RST, as with unread answers, else with FIN
}

func (c *mortalConn) Write(p []byte) (int, error) {
	if left := c.left.Add(-int64(len(p))); left < 0 {
		n, _ := c.Conn.Write(p[:max(0, int(left)+len(p))])
		if c.reset {
			c.Conn.(*net.TCPConn).SetLinger(0)
		}
		c.Close()
		return n, net.ErrClosed
	}
	return c.Conn.Write(p)
}

const blockRows = 20_000

// insertBlock inserts one block of its own number, with incompressible bytes.
func insertBlock(ctx context.Context, conn clickhouse.Conn, number uint64) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO relay.rows")
	if err != nil {
		return err
	}
	numbers, texts := make([]uint64, blockRows), make([]string, blockRows)
	for i := range numbers {
		numbers[i] = number
		texts[i] = fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
	}
	if err := batch.Column(0).Append(numbers); err != nil {
		return err
	}
	if err := batch.Column(1).Append(texts); err != nil {
		return err
	}
	return batch.Send()
}

// TestClickHouseOutlivesItsClients kills clients while they insert and between
// two queries: the engine goes on, and each block is there in whole or not at
// all.
func TestClickHouseOutlivesItsClients(t *testing.T) {
	engine := devtest.NewClickHouse(t)
	conn := openClickHouse(t, engine.Addr())
	for _, q := range []string{"CREATE DATABASE relay ENGINE = Atomic", "CREATE TABLE relay.rows (block UInt64, text String) ENGINE = MergeTree ORDER BY block"} {
		if err := conn.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	const clients, blockBytes = 50, blockRows * 41
	var group sync.WaitGroup
	limit := make(chan struct{}, 8)
	for i := range clients {
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			left := new(atomic.Int64)
			left.Store(1 << 40)
			mortal, err := clickhouse.Open(&clickhouse.Options{
				Addr: []string{engine.Addr()}, MaxOpenConns: 1,
				DialContext: func(ctx context.Context, addr string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
					return &mortalConn{Conn: c, left: left, reset: i%2 == 0}, err
				},
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer mortal.Close()
			if err := mortal.Ping(t.Context()); err != nil {
				t.Errorf("client %d: %v", i, err)
				return
			}
			if i%5 == 0 { // between two queries
				left.Store(0)
				if err := mortal.Ping(t.Context()); err == nil {
					t.Errorf("client %d: lived through its death", i)
				}
				return
			}
			// From the statement alone to nearly the whole block.
			left.Store(int64(200 + i*(blockBytes-1000)/clients))
			if err := insertBlock(t.Context(), mortal, uint64(i)); err == nil {
				t.Errorf("client %d: lived through its death", i)
			}
		})
	}
	group.Wait()
	if err := insertBlock(t.Context(), conn, clients); err != nil {
		t.Fatal(err)
	}
	select {
	case <-engine.Done():
		t.Fatal("the engine has ended")
	default:
	}
	rows, err := conn.Query(t.Context(), "SELECT block, count() FROM relay.rows GROUP BY block")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	whole := false
	for rows.Next() {
		var block, n uint64
		if err := rows.Scan(&block, &n); err != nil {
			t.Fatal(err)
		}
		if n != blockRows {
			t.Errorf("block %d has %d rows, want none or %d", block, n, blockRows)
		}
		whole = whole || block == clients
	}
	if !whole {
		t.Error("the block of the client that lived is missing")
	}
}

// TestClickHouseOutlivesRefusals has greetings that break off or are none, and
// logins that fail.
func TestClickHouseOutlivesRefusals(t *testing.T) {
	engine := devtest.NewClickHouse(t)
	var hello proto.Buffer
	proto.ClientHello{Name: "test", Major: 1, Minor: 1, ProtocolVersion: proto.Version, User: "default"}.Encode(&hello)
	for _, sent := range [][]byte{nil, hello.Buf[:3], hello.Buf[:len(hello.Buf)-1], hello.Buf, []byte("GET / HTTP/1.1\r\n\r\n")} {
		for _, reset := range []bool{false, true} {
			c, err := net.Dial("tcp", engine.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(sent); err != nil {
				t.Fatal(err)
			}
			if reset {
				c.(*net.TCPConn).SetLinger(0)
			}
			c.Close()
		}
	}
	res, err := http.Get("http://nobody:wrong@" + engine.HTTPAddr() + "/?query=SELECT+1")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("user nobody over HTTP: %s", res.Status)
	}
	for i := range 20 {
		login, want := clickhouse.Auth{Username: "nobody", Password: "wrong"}, "Authentication failed"
		if i%2 == 1 {
			login, want = clickhouse.Auth{Database: "no\\where'\t"}, "does not exist"
		}
		conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{engine.Addr()}, Auth: login})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", login, err, want)
		}
		conn.Close()
	}
	named := openClickHouse(t, engine.Addr())
	if err := named.Exec(t.Context(), "CREATE DATABASE `a\\\\b` ENGINE = Atomic"); err != nil {
		t.Fatal(err)
	}
	inside, err := clickhouse.Open(&clickhouse.Options{Addr: []string{engine.Addr()}, Auth: clickhouse.Auth{Database: `a\b`}})
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if err := inside.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := openClickHouse(t, engine.Addr()).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestClickHouseAnswersInWhole reads much through the relay.
func TestClickHouseAnswersInWhole(t *testing.T) {
	conn := openClickHouse(t, devtest.ClickHouse(t))
	const n = 20_000_000
	began := time.Now()
	rows, err := conn.Query(t.Context(), fmt.Sprintf("SELECT number FROM numbers(%d)", n))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	next := uint64(0)
	for ; rows.Next(); next++ {
		var v uint64
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		if v != next {
			t.Fatalf("row %d is %d", next, v)
		}
	}
	if err := rows.Err(); err != nil || next != n {
		t.Fatalf("%d rows, %v", next, err)
	}
	t.Logf("%.0f MB/s", 8*n/1e6/time.Since(began).Seconds())
}
