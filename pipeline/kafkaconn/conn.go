package kafkaconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"touchstream/pipeline/config"
)

// Conn says how a cluster is reached.
type Conn struct {
	Brokers []string // host or host:port
	TLS     *TLS     // nil: plain text
	SASL    *SASL    // nil: no login
}

// TLS encrypts connections. Paths are of PEM files.
type TLS struct {
	CA                 string // empty: the system's roots
	Cert, Key          string // of this client; both or none
	ServerName         string // empty: the broker's host
	InsecureSkipVerify bool
}

// SASL is a login.
type SASL struct {
	Mechanism string // one of the constants below
	Username  string
	Password  config.Secret
}

// The mechanisms of a login.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// Declare declares the keys.
func (c *Conn) Declare(s *config.Section) {
	s.Strings("brokers", &c.Brokers, nil, "Addresses of brokers, host:port; some of them are enough.").
		Required().NonEmpty().Match(config.Address, "an address such as localhost:9092")
	t := &TLS{}
	if s.Optional("tls", t, "Encrypts connections; {} is enough for brokers with a publicly trusted certificate.") {
		c.TLS = t
	}
	l := &SASL{}
	if s.Optional("sasl", l, "Logs in.") {
		c.SASL = l
	}
}

// Declare declares the keys.
func (t *TLS) Declare(s *config.Section) {
	s.Path("ca", &t.CA, "", "PEM file of the authority that signed the brokers' certificates; left out: the system's.")
	s.Path("cert", &t.Cert, "", "PEM file of this client's certificate.")
	s.Path("key", &t.Key, "", "PEM file of the certificate's key.")
	s.String("server_name", &t.ServerName, "", "Name that the brokers' certificates must have; left out: the broker's host.")
	s.Bool("insecure_skip_verify", &t.InsecureSkipVerify, false, "Accept any certificate. For tests only.")
	s.Check(func() {
		if t.Cert != "" && t.Key == "" {
			s.Fault("cert", "needs key beside it")
		}
		if t.Key != "" && t.Cert == "" {
			s.Fault("key", "needs cert beside it")
		}
	}, "cert", "key")
}

// Declare declares the keys.
func (l *SASL) Declare(s *config.Section) {
	s.Enum("mechanism", &l.Mechanism, Plain, "How the password is proven.", Plain, ScramSHA256, ScramSHA512)
	s.String("username", &l.Username, "", "The user.").Required().NonEmpty()
	s.Secret("password", &l.Password, "The password.").Required()
}

// Address names the cluster in sentences.
func (c *Conn) Address() string { return strings.Join(c.Brokers, ", ") }

// Config reads the files; nil for plain text.
func (t *TLS) Config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s: no certificate in PEM form is in it", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert %s, tls.key %s: %w", t.Cert, t.Key, err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// Explain makes a sentence of an error of the connection itself. Permanent
// ones need a change of the configuration. ok is false for other errors.
func (c *Conn) Explain(err error) (sentence error, permanent, ok bool) {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var netErr net.Error
	switch {
	case errors.As(err, &record):
		return fmt.Errorf("%s does not speak TLS: leave tls out or name its TLS port: %w", c.Address(), err), true, true
	case errors.As(err, &authority):
		return fmt.Errorf("the certificate of %s is signed by an unknown authority: set tls.ca: %w", c.Address(), err), true, true
	case errors.As(err, &host):
		return fmt.Errorf("the certificate of %s is for another name: set tls.server_name: %w", c.Address(), err), true, true
	case errors.As(err, &invalid):
		return fmt.Errorf("the certificate of %s cannot be used: %w", c.Address(), err), true, true
	case errors.As(err, &alert):
		return fmt.Errorf("%s refuses the TLS handshake: check tls.cert and tls.key: %w", c.Address(), err), true, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s closes the connection: check that it runs, and whether it expects other tls or sasl settings (%w)", c.Address(), err), false, true
	case errors.As(err, &netErr), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no broker answers at %s: check brokers and tls, and that Kafka runs there (%w)", c.Address(), err), false, true
	}
	return nil, false, false
}
