package clickhouse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

func TestSentences(t *testing.T) {
	c := Config{Addr: []string{"ch1", "ch2:9001"}, Username: "shop"}
	f := func(err error, retryable bool, want string) {
		t.Helper()
		got := explain(&c, fmt.Errorf("wrapped: %w", err))
		if pipeline.IsRetryable(got) != retryable || !strings.HasPrefix(got.Error(), "ClickHouse at ch1:9000, ch2:9001") || !strings.Contains(got.Error(), want) {
			t.Errorf("got %v, retryable %v; want %q", got, pipeline.IsRetryable(got), want)
		}
	}
	native := func(code proto.Error, message string) error { return &ch.Exception{Code: code, Message: message} }
	driver := func(code int32, message string) error { return &clickhouse.Exception{Code: code, Message: message} }
	f(native(proto.ErrAuthenticationFailed, "…\nIf you …"), false, `does not let user "shop" in; correct username and password`)
	f(driver(516, ""), false, "correct username and password")
	f(driver(497, "shop: Not enough privileges. To execute this query, it's necessary to have the grant INSERT(a) ON s.t. (version 26.7)"),
		false, "necessary to have the grant INSERT(a) ON s.t; grant it")
	f(driver(81, "Database x does not exist"), false, "leave out create: false")
	f(native(proto.ErrTooManyParts, "Too many parts (3000)"), true, "cannot take rows for now: Too many parts (3000)")
	f(native(proto.ErrMemoryLimitExceeded, "Memory limit (total) exceeded"), true, "Memory limit")
	f(native(proto.ErrTypeMismatch, "Type mismatch"), false, "Type mismatch (code 53)")
	f(io.ErrUnexpectedEOF, true, "start it, or correct addr")
	f(&net.DNSError{Err: "no such host", Name: "ch1", IsNotFound: true}, true, "no such host")
	if err := explain(&c, io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not keep its cause", err)
	}
}

// TestWrongPorts talks to servers of other protocols.
func TestWrongPorts(t *testing.T) {
	http, alert := talker(t, "HTTP/1.0 400 Bad Request\r\n\r\n"), talker(t, "\x15\x03\x03\x00\x02\x02\x46")
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	defer secure.Close()
	f := func(addr string, section *TLS, retryable bool, want string) {
		t.Helper()
		c := Config{Addr: []string{addr}, Username: "default", TLS: section, TimeoutMs: 2000}
		_, dialErr := dial(t.Context(), &c)
		for _, err := range []error{Ping(t.Context(), c), explain(&c, dialErr), New(c).Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{growing}})} {
			if err == nil || pipeline.IsRetryable(err) != retryable || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, retryable %v; want %q", err, pipeline.IsRetryable(err), want)
			}
		}
	}
	f(http, nil, false, "speaks HTTP on this port")
	f(http, &TLS{}, false, "does not speak TLS on this port")
	f(secure.Listener.Addr().String(), &TLS{}, false, "name its authority in tls.ca")
	f(secure.Listener.Addr().String(), nil, true, "add tls: {} if this port speaks TLS")
	f(alert, nil, false, "speaks TLS on this port")
	f("127.0.0.1:1", nil, true, "cannot be reached")
}

// talker is a server that says the same to everybody.
func talker(t *testing.T, says string) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, says)
			go func() {
				// A close with bytes unread would reset what was written.
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}
