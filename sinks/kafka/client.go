package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	// answerMax bounds the wait for an answer about topics.
	answerMax   = 8 * time.Second
	dialTimeout = 4 * time.Second
	// metadataAge is how long the client waits to ask for leaders again.
	metadataAge = 250 * time.Millisecond
	probeMax    = time.Second
)

// options are the client's. Records are never given up by it, and how many
// there may be is decided before it gets them.
func options(c *kafkaconn.Conn) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.ClientID("touchstream"),
		kgo.SeedBrokers(c.Brokers...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
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

// explainMessage makes a sentence of the error of one message.
func explainMessage(c *kafkaconn.Conn, m *kgo.Record, err error) error {
	out := explain(c, m.Topic, err)
	if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) {
		return fmt.Errorf("%w; the message with key %q has %d bytes", out, m.Key, size(m))
	}
	return out
}

// because finds out why messages wait: a client keeps that to itself.
func because(ctx context.Context, c *kafkaconn.Conn, client *kgo.Client, waiting int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeMax)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		return explain(c, "", err)
	}
	return pipeline.Retryable(fmt.Errorf("%s has not acknowledged %d messages: check that enough replicas are in sync", c.Address(), waiting))
}

// explain makes a sentence of an error, marked by pipeline.Retryable unless
// only a person can mend it. topic may be empty.
func explain(c *kafkaconn.Conn, topic string, err error) error {
	sentence, permanent, ok := c.Explain(err)
	var code *kerr.Error
	switch {
	case errors.Is(err, context.Canceled):
		return pipeline.Retryable(err)
	case ok && permanent:
		return sentence
	case ok:
		return pipeline.Retryable(sentence)
	case errors.As(err, &code):
		return explainCode(c, topic, code, err)
	}
	return pipeline.Retryable(fmt.Errorf("%s: %w", c.Address(), err))
}

func explainCode(c *kafkaconn.Conn, topic string, code *kerr.Error, err error) error {
	user := "this client"
	if c.SASL != nil {
		user = "user " + c.SASL.Username
	}
	switch code {
	case kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState:
		if c.SASL == nil {
			return fmt.Errorf("%s wants a login: set sasl (%w)", c.Address(), err)
		}
		return fmt.Errorf("%s refuses the login of %q by %s: check sasl (%w)", c.Address(), c.SASL.Username, c.SASL.Mechanism, err)
	case kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed:
		return fmt.Errorf("%s does not let %s write topic %s: grant WRITE and DESCRIBE on it, and CREATE if it is to be created (%w)", c.Address(), user, topic, err)
	case kerr.TransactionalIDAuthorizationFailed:
		return fmt.Errorf("%s does not let %s use its transactional id: grant WRITE and DESCRIBE on it (%w)", c.Address(), user, err)
	case kerr.GroupAuthorizationFailed:
		return fmt.Errorf("%s does not let %s join its group: grant READ on it (%w)", c.Address(), user, err)
	case kerr.InvalidTransactionTimeout:
		return fmt.Errorf("%s allows no transaction of %v: raise transaction.max.timeout.ms (%w)", c.Address(), transactionMax, err)
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return fmt.Errorf("topic %s on %s takes no message of this size: raise its max.message.bytes (%w)", topic, c.Address(), err)
	case kerr.InvalidTopicException, kerr.InvalidRecord, kerr.PolicyViolation, kerr.InvalidReplicationFactor:
		return fmt.Errorf("topic %s on %s: %w", topic, c.Address(), err)
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		return pipeline.Retryable(fmt.Errorf("topic %s does not exist on %s: create it (%w)", topic, c.Address(), err))
	}
	return pipeline.Retryable(fmt.Errorf("topic %s on %s: %w", topic, c.Address(), err))
}
