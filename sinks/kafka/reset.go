package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reset forgets the journal, so that the next run begins a new state. All that
// is left of it is a mark with the generation; who had state of an older one
// can tell. It refuses while an instance runs or stands by. The ledger must not
// be open.
func (l *Ledger) Reset(ctx context.Context, generation uint32) error {
	l.journal.Lock()
	defer l.journal.Unlock()
	if err := l.connect(ctx); err != nil {
		return err
	}
	if err := l.refuseMembers(ctx); err != nil {
		return err
	}
	producer, err := l.newProducer(ctx)
	if err != nil {
		return err
	}
	defer producer.Close()
	mark, err := l.writeMark(ctx, producer, generation)
	if err != nil {
		return err
	}
	return l.deleteBefore(ctx, mark)
}

// refuseMembers returns an error if the group has a member.
func (l *Ledger) refuseMembers(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	groups, err := l.admin.DescribeGroups(within, l.standing.group)
	if err == nil {
		err = groups.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return explain(l.conn, l.topic, err)
	}
	for _, m := range groups[l.standing.group].Members {
		return fmt.Errorf("an instance of %s runs on %s: stop it first; if it has just died, wait %v", l.name, m.ClientHost, sessionMax)
	}
	return nil
}

// writeMark writes a mark and tells its offset.
func (l *Ledger) writeMark(ctx context.Context, producer *kgo.Client, generation uint32) (offset int64, err error) {
	if err := producer.BeginTransaction(); err != nil {
		return 0, explain(l.conn, l.topic, err)
	}
	tx := newTransaction(l.conn)
	records := tx.produce(producer, []*kgo.Record{{
		Topic: l.topic, Key: []byte("0"),
		Headers: []kgo.RecordHeader{
			{Key: headerFormat, Value: []byte(entryFormat)},
			{Key: headerInstance, Value: []byte(l.instance)},
			{Key: headerGeneration, Value: strconv.AppendUint(nil, uint64(generation), 10)},
		},
	}})
	if err := tx.wait(ctx, producer); err != nil {
		return 0, err
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerMax)
	defer cancel()
	if err := producer.EndTransaction(within, kgo.TryCommit); err != nil {
		return 0, explain(l.conn, l.topic, err)
	}
	return records[0].Offset, nil
}

// finishReset deletes what lies before a mark at the journal's end: a reset
// may have been broken off there.
func (l *Ledger) finishReset(ctx context.Context, end head) error {
	if !end.isMark() || end.instance == "" {
		return nil
	}
	return l.deleteBefore(ctx, end.offset)
}

// Generation is that of the newest reset, 0 before the first, as of Open: every
// entry carries it on.
func (l *Ledger) Generation() (uint32, error) {
	l.journal.Lock()
	defer l.journal.Unlock()
	return l.generation, nil
}
