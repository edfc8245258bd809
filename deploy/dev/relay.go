package dev

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// The engine's command line ends the whole process when a connection is reset
// between two queries, or logs in as a user or to a database that it does not
// know: what a server logs and forgets. So clients speak to a
// relay, which lives in the engine's process and dies with it. It ends
// connections in order towards the engine, whatever became of the client, and
// refuses logins itself. A client that is alive gets the engine's bytes
// unchanged.

// relay joins the connections of a public port to those of a port of the
// engine.
type relay struct {
	public, engine int
	// greet, unless nil, reads the client's greeting and returns its bytes. An
	// error ends the connection before the engine hears of it.
	greet func(client net.Conn) ([]byte, error)
}

const (
	engineStartMax = clickHouseStartMax
	greetingMax    = 10 * time.Second
	greetingBytes  = 64 << 10
)

// serve waits until the engine listens, so that until then clients are
// refused, and then relays for ever. It returns only with an error.
func (r *relay) serve() error {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", loopback(r.engine))
		if err == nil {
			c.Close()
			break
		}
		if time.Since(began) > engineStartMax {
			return fmt.Errorf("relay: the engine does not listen: %w", err)
		}
	}
	l, err := net.Listen("tcp", loopback(r.public))
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	for {
		client, err := l.Accept()
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		go r.join(client.(*net.TCPConn))
	}
}

func (r *relay) join(client *net.TCPConn) {
	defer client.Close()
	var greeting []byte
	if r.greet != nil {
		var err error
		if greeting, err = r.greet(client); err != nil {
			return
		}
	}
	c, err := net.Dial("tcp", loopback(r.engine))
	if err != nil {
		return
	}
	engine := c.(*net.TCPConn)
	defer engine.Close()
	if _, err := engine.Write(greeting); err != nil {
		return
	}
	answered := make(chan struct{})
	go func() {
		forward(client, engine)
		close(answered)
	}()
	forward(engine, client)
	<-answered
}

// forward copies until src ends and ends dst in order then. What src still
// sends after dst has gone is read and dropped: closing a connection with
// unread bytes would reset it.
func forward(dst, src *net.TCPConn) {
	if _, err := io.Copy(dst, src); err != nil {
		_, _ = io.Copy(io.Discard, src) // src may be what has gone
	}
	_ = dst.CloseWrite() // it may have gone
}

var errRefused = errors.New("refused")

// greeter reads the greetings of the native protocol. It lets in user default
// without a password, the only one there is, to databases that there are.
type greeter struct {
	engineHTTP int
}

func (g greeter) greet(client net.Conn) ([]byte, error) {
	if err := client.SetReadDeadline(time.Now().Add(greetingMax)); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	r := proto.NewReader(io.TeeReader(io.LimitReader(client, greetingBytes), &raw))
	code, err := r.UVarInt()
	if err != nil {
		return nil, err
	}
	if proto.ClientCode(code) != proto.ClientCodeHello {
		return nil, fmt.Errorf("packet %d where a greeting is expected", code)
	}
	var hello proto.ClientHello
	if err := hello.Decode(r); err != nil {
		return nil, err
	}
	refusal, err := g.refusal(&hello)
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		var b proto.Buffer
		proto.ServerCodeException.Encode(&b)
		refusal.EncodeAware(&b, hello.ProtocolVersion)
		_, err := client.Write(b.Buf)
		return nil, errors.Join(errRefused, err)
	}
	return raw.Bytes(), client.SetReadDeadline(time.Time{})
}

// refusal is what a server would answer, nil if it would let the client in.
func (g greeter) refusal(hello *proto.ClientHello) (*proto.Exception, error) {
	refuse := func(code proto.Error, text string) *proto.Exception {
		return &proto.Exception{Code: code, Name: "DB::Exception", Message: "DB::Exception: " + text}
	}
	if hello.User != "default" || hello.Password != "" {
		return refuse(proto.ErrAuthenticationFailed,
			hello.User+": Authentication failed: password is incorrect, or there is no user with such name."), nil
	}
	if hello.Database == "" || hello.Database == "default" {
		return nil, nil
	}
	name := strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n").Replace(hello.Database)
	res, err := http.Get("http://" + loopback(g.engineHTTP) + "/?" + url.Values{
		"query":      {"SELECT count() FROM system.databases WHERE name = {name:String}"},
		"param_name": {name},
	}.Encode())
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(answer)) != "1" {
		return refuse(proto.ErrUnknownDatabase, "Database "+hello.Database+" does not exist."), nil
	}
	return nil, nil
}
