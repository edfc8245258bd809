package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Probe connects and looks for the topics.
func (s *Source) Probe(ctx context.Context) error {
	client, err := kgo.NewClient(s.opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	probe := &Source{cfg: s.cfg, opts: s.opts, admin: kadm.NewClient(client)}
	_, err = probe.metadata(within)
	return err
}
