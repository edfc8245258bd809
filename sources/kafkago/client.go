package kafkago

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

const (
	// answerMax bounds the wait for any answer.
	answerMax   = 8 * time.Second
	dialTimeout = 4 * time.Second
	// metadataAge is how old the client's view of leaders and topics may be.
	metadataAge = time.Second
)

func transport(c *kafkaconn.Input) (*kafka.Transport, error) {
	tls, err := c.TLS.Config()
	if err != nil {
		return nil, err
	}
	t := &kafka.Transport{
		ClientID:       "touchstream",
		DialTimeout:    dialTimeout,
		MetadataTTL:    metadataAge,
		MetadataTopics: c.Topics,
		TLS:            tls,
	}
	if c.SASL != nil {
		if t.SASL, err = mechanism(c.SASL); err != nil {
			return nil, fmt.Errorf("sasl: %w", err)
		}
	}
	return t, nil
}

func mechanism(l *kafkaconn.SASL) (sasl.Mechanism, error) {
	user, pass := l.Username, l.Password.Reveal()
	switch l.Mechanism {
	case kafkaconn.ScramSHA256:
		return scram.Mechanism(scram.SHA256, user, pass)
	case kafkaconn.ScramSHA512:
		return scram.Mechanism(scram.SHA512, user, pass)
	}
	return plain.Mechanism{Username: user, Password: pass}, nil
}

// explain makes a sentence of an error, marked by pipeline.Retryable unless
// only a person can mend it.
func (s *Source) explain(err error) error {
	sentence, permanent, ok := s.cfg.Explain(err)
	var code kafka.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &code):
		return s.explainCode(code, err)
	case ok && permanent:
		return sentence
	case ok:
		return pipeline.Retryable(sentence)
	}
	return pipeline.Retryable(fmt.Errorf("%s: %w", s.cfg.Address(), err))
}

func (s *Source) explainCode(code kafka.Error, err error) error {
	user := "this client"
	if s.cfg.SASL != nil {
		user = "user " + s.cfg.SASL.Username
	}
	switch code {
	case kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState:
		return fmt.Errorf("%s refuses the login of %s: check sasl (%w)", s.cfg.Address(), user, err)
	case kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed:
		return fmt.Errorf("%s does not let %s read %s: grant READ and DESCRIBE on topics (%w)", s.cfg.Address(), user, strings.Join(s.cfg.Topics, ", "), err)
	}
	return pipeline.Retryable(fmt.Errorf("%s: %w", s.cfg.Address(), err))
}
