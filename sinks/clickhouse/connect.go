package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	dialTimeout = 5 * time.Second
	// queryTimeout bounds statements other than inserts.
	queryTimeout = 30 * time.Second
)

// insertSettings are those of the connections for inserts. A server notices
// that a query is killed only when its client says something: it waits no
// longer than receive_timeout, in seconds, for one that has died or is cut off.
var insertSettings = []ch.Setting{
	ch.SettingInt("async_insert", 0),
	ch.SettingInt("receive_timeout", 10),
	ch.SettingInt("poll_interval", 1),
}

// tlsConfig reads the files that the section names; nil without one.
func tlsConfig(c *Config) (*tls.Config, error) {
	if c.TLS == nil {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.TLS.ServerName, InsecureSkipVerify: c.TLS.Insecure}
	if c.TLS.CA != "" {
		pem, err := os.ReadFile(c.TLS.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s: no certificate in PEM form in it", c.TLS.CA)
		}
	}
	if c.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// connect makes the pool for statements; it dials with the first one.
func connect(c *Config) (driver.Conn, error) {
	secure, err := tlsConfig(c)
	if err != nil {
		return nil, err
	}
	return clickhouse.Open(&clickhouse.Options{
		Addr:         c.addresses(),
		Auth:         clickhouse.Auth{Username: c.Username, Password: c.Password.Reveal()},
		TLS:          secure,
		DialTimeout:  dialTimeout,
		ReadTimeout:  queryTimeout,
		MaxOpenConns: 2,
		MaxIdleConns: 1,
		ClientInfo:   clickhouse.ClientInfo{Products: []struct{ Name, Version string }{{Name: "touchstream"}}},
	})
}

// Ping tries whether one of the servers answers and lets the user in.
func Ping(ctx context.Context, cfg Config) error {
	conn, err := connect(&cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return explain(&cfg, err)
	}
	return nil
}

// dial opens the connection for inserts to the first server that answers.
func dial(ctx context.Context, c *Config) (*ch.Client, error) {
	secure, err := tlsConfig(c)
	if err != nil {
		return nil, err
	}
	timeout := time.Duration(c.TimeoutMs) * time.Millisecond
	var errs []error
	for _, addr := range c.addresses() {
		compression := ch.CompressionDisabled
		if c.isCompressed(addr) {
			compression = ch.CompressionLZ4
		}
		client, err := ch.Dial(ctx, ch.Options{
			Address:          addr,
			User:             c.Username,
			Password:         c.Password.Reveal(),
			Compression:      compression,
			ClientName:       "touchstream",
			Settings:         insertSettings,
			ReadTimeout:      timeout,
			DialTimeout:      dialTimeout,
			HandshakeTimeout: queryTimeout,
			TLS:              secure,
		})
		if err == nil {
			return client, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
