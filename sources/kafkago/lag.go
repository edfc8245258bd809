package kafkago

import (
	"context"

	"github.com/segmentio/kafka-go"

	"touchstream/pipeline"
)

// Committed is told the position of each partition after a commit.
func (s *Source) Committed(positions []pipeline.Position) { s.lag.Committed(positions) }

// commit commits positions to the group.
func (s *Source) commit(ctx context.Context, positions []pipeline.Position) error {
	offsets := map[string][]kafka.OffsetCommit{}
	for _, p := range positions {
		offsets[p.Topic] = append(offsets[p.Topic], kafka.OffsetCommit{Partition: int(p.Partition), Offset: p.Offset})
	}
	const noMember = -1
	_, err := s.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: s.cfg.Group, GenerationID: noMember, Topics: offsets})
	return err
}
