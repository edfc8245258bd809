package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

const (
	// unpackedBytesMax bounds what one batch may decompress to.
	unpackedBytesMax = 256 << 20
	// answerMax bounds the wait for metadata and offsets.
	answerMax   = 8 * time.Second
	dialTimeout = 4 * time.Second
	// metadataAge bounds how old an answer about leaders may be.
	metadataAge = 100 * time.Millisecond
)

// options are the client's.
func options(c *kafkaconn.Conn) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.ClientID("touchstream"),
		kgo.SeedBrokers(c.Brokers...),
		kgo.MaxDecompressBatchBytes(unpackedBytesMax),
		// The client's own consumer is not used; should it ever be, it must
		// not choose an offset by itself.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.RequestRetries(4),
		kgo.RetryTimeout(answerMax),
		kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(metadataAge),
		kgo.DisableClientMetrics(),
	}
	tls, err := c.TLS.Config()
	if err != nil {
		return nil, err
	}
	if tls != nil {
		opts = append(opts, kgo.DialTLSConfig(tls))
	}
	if c.SASL != nil {
		opts = append(opts, kgo.SASL(mechanism(c.SASL)))
	}
	return opts, nil
}

func mechanism(l *kafkaconn.SASL) sasl.Mechanism {
	user, pass := l.Username, l.Password.Reveal()
	switch l.Mechanism {
	case kafkaconn.ScramSHA256:
		return scram.Auth{User: user, Pass: pass}.AsSha256Mechanism()
	case kafkaconn.ScramSHA512:
		return scram.Auth{User: user, Pass: pass}.AsSha512Mechanism()
	}
	return plain.Auth{User: user, Pass: pass}.AsMechanism()
}

// explain makes a sentence of an error, marked by pipeline.Retryable unless
// only a person can mend it.
func (s *Source) explain(err error) error {
	sentence, permanent, ok := s.cfg.Explain(err)
	var code *kerr.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case ok && permanent:
		return sentence
	case ok:
		return pipeline.Retryable(sentence)
	case errors.As(err, &code):
		return s.explainCode(code, err)
	}
	return pipeline.Retryable(fmt.Errorf("%s: %w", s.cfg.Address(), err))
}

func (s *Source) explainCode(code *kerr.Error, err error) error {
	switch code {
	case kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState:
		if s.cfg.SASL == nil {
			return fmt.Errorf("%s wants a login: set sasl (%w)", s.cfg.Address(), err)
		}
		return fmt.Errorf("%s refuses the login of %q by %s: check sasl (%w)", s.cfg.Address(), s.cfg.SASL.Username, s.cfg.SASL.Mechanism, err)
	case kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed:
		return fmt.Errorf("%s does not let %s read %s: grant READ and DESCRIBE on topics (%w)", s.cfg.Address(), s.user(), strings.Join(s.cfg.Topics, ", "), err)
	}
	return pipeline.Retryable(fmt.Errorf("%s: %w", s.cfg.Address(), err))
}

func (s *Source) user() string {
	if s.cfg.SASL == nil {
		return "this client"
	}
	return "user " + s.cfg.SASL.Username
}
