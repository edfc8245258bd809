package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"

	"touchstream/pipeline"
)

// Committed is told the position of each partition after a commit.
func (s *Source) Committed(positions []pipeline.Position) { s.lag.Committed(positions) }

// commit commits positions to the group.
func (s *Source) commit(ctx context.Context, positions []pipeline.Position) error {
	offsets := kadm.Offsets{}
	for _, p := range positions {
		offsets.AddOffset(p.Topic, p.Partition, p.Offset, -1)
	}
	return s.admin.CommitAllOffsets(ctx, s.cfg.Group, offsets)
}
