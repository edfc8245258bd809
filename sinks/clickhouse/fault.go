package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"touchstream/pipeline"
)

// passing are the server's errors that end by themselves or by what somebody
// does to the server: overload, lack of memory or room, a restart, a network
// fault inside the cluster.
var passing = map[proto.Error]bool{
	proto.ErrTooManyParts: true, proto.ErrMemoryLimitExceeded: true, proto.ErrTooManySimultaneousQueries: true,
	proto.ErrTimeoutExceeded: true, proto.ErrSocketTimeout: true, proto.ErrNetworkError: true,
	proto.ErrAllConnectionTriesFailed: true, proto.ErrTableIsReadOnly: true, proto.ErrNotEnoughSpace: true,
	proto.ErrQueryWasCancelled: true, proto.ErrAborted: true, proto.ErrUnknownStatusOfInsert: true,
	proto.ErrTooFewLiveReplicas: true, proto.ErrCannotScheduleTask: true, proto.ErrKeeperException: true,
	proto.ErrNoZookeeper: true, proto.ErrCannotWriteToFileDescriptor: true, proto.ErrCannotOpenFile: true,
	proto.ErrCannotAllocateMemory: true, proto.ErrQuotaExpired: true, proto.ErrDNSError: true,
	proto.ErrCannotReadAllData: true, proto.ErrAttemptToReadAfterEOF: true, proto.ErrUnexpectedEndOfFile: true,
	proto.ErrChecksumDoesntMatch: true,
}

// exception is an error that the server reported.
func exception(err error) (code proto.Error, message string, ok bool) {
	var native *ch.Exception
	if errors.As(err, &native) {
		return native.Code, native.Message, true
	}
	var driver *clickhouse.Exception
	if errors.As(err, &driver) {
		return proto.Error(driver.Code), driver.Message, true
	}
	return 0, "", false
}

// explain makes a sentence of an error and marks as retryable what passes.
func explain(c *Config, err error) error {
	if pipeline.IsRetryable(err) {
		return err // it is one
	}
	at := "ClickHouse at " + strings.Join(c.addresses(), ", ")
	code, message, ok := exception(err)
	if !ok {
		return explainConnection(at, err)
	}
	message = firstSentence(message)
	switch code {
	case proto.ErrAuthenticationFailed, proto.ErrWrongPassword, proto.ErrRequiredPassword, proto.ErrUnknownUser:
		return fmt.Errorf("%s does not let user %q in; correct username and password", at, c.Username)
	case proto.ErrAccessDenied, proto.ErrDatabaseAccessDenied, proto.ErrReadonly:
		return fmt.Errorf("%s: user %q lacks a right: %s; grant it", at, c.Username, message)
	case proto.ErrUnknownDatabase:
		return fmt.Errorf("%s: %s; create it, or leave out create: false", at, message)
	case proto.ErrUnknownTable:
		return fmt.Errorf("%s: %s; start again to have it made", at, message)
	}
	if passing[code] {
		return pipeline.Retryable(fmt.Errorf("%s cannot take rows for now: %s", at, message))
	}
	return fmt.Errorf("%s: %s (code %d)", at, message, int(code))
}

func explainConnection(at string, err error) error {
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	text := err.Error()
	switch {
	case errors.Is(err, context.Canceled):
		return pipeline.Retryable(fmt.Errorf("%s: %w", at, err))
	case errors.As(err, &record):
		return fmt.Errorf("%s does not speak TLS on this port; leave out tls, or use its secure port (often 9440)", at)
	case errors.As(err, &authority):
		return fmt.Errorf("%s: %w; name its authority in tls.ca", at, err)
	case errors.As(err, &host):
		return fmt.Errorf("%s: %w; give the name in tls.server_name", at, err)
	case errors.As(err, &invalid):
		return fmt.Errorf("%s: %w; renew its certificate", at, err)
	case strings.Contains(text, "unexpected packet [72]"), strings.Contains(text, "bad server packet type 72"):
		return fmt.Errorf("%s speaks HTTP on this port; give the port of the native protocol (often 9000)", at)
	case strings.Contains(text, "unexpected packet [21]"), strings.Contains(text, "bad server packet type 21"):
		return fmt.Errorf("%s speaks TLS on this port; add tls: {}", at)
	}
	advice := "start it, or correct addr"
	if errors.Is(err, io.EOF) && strings.Contains(text, "handshake") {
		advice += ", or add tls: {} if this port speaks TLS"
	}
	return pipeline.Retryable(fmt.Errorf("%s cannot be reached: %w; %s", at, err, advice))
}

// firstSentence cuts the advice and versions that the server appends.
func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s = strings.TrimPrefix(s, "DB::Exception: ")
	if i := strings.Index(s, " (version "); i > 0 {
		s = s[:i]
	}
	const longest = 500
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strings.TrimRight(s, ". ")
}
