package kafka

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// lossy breaks connections around requests of one kind.
type lossy struct {
	key int16
	// left is how many requests are still to be hit.
	left atomic.Int32
	// acted lets the broker act and loses its answer; otherwise the request
	// itself is lost.
	acted bool
}

func (l *lossy) option() kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
		return &lossyConn{Conn: conn, lossy: l}, err
	})
}

type lossyConn struct {
	net.Conn
	lossy *lossy
	hit   atomic.Bool
}

func (c *lossyConn) Write(b []byte) (int, error) {
	const keyAt = 4 // behind the length
	if len(b) >= keyAt+2 && int16(binary.BigEndian.Uint16(b[keyAt:])) == c.lossy.key && c.lossy.left.Add(-1) >= 0 {
		if !c.lossy.acted {
			c.Close()
			return 0, net.ErrClosed
		}
		c.hit.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.hit.Load() {
		c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}
