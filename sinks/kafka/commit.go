package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/killpoint"
)

// Commit writes an entry and the messages of its commit in one transaction.
// After a failure nobody knows whether it was: the next call finds out, and
// writes both again if not.
func (l *Ledger) Commit(ctx context.Context, number int64, entry []byte) error {
	l.journal.Lock()
	defer l.journal.Unlock()
	err := l.commit(ctx, number, entry)
	var code *kerr.Error
	if errors.As(err, &code) && pipeline.IsRetryable(err) {
		// The brokers are there: to ask them what happened costs little.
		err = l.commit(ctx, number, entry)
	}
	return err
}

func (l *Ledger) commit(ctx context.Context, number int64, entry []byte) error {
	if l.client == nil {
		return errors.New("the journal is not open")
	}
	if err := l.standing.check(); err != nil {
		return err
	}
	if l.inDoubt() {
		if err := l.resolve(ctx, number); err != nil {
			return err
		}
	}
	if l.last.number == number && l.last.instance == l.instance {
		l.settle(number)
		return nil
	}
	// A snapshot may be newer than the journal's end, if that was lost: if there
	// was nothing to Read, the next entry may have any number from there on.
	if next := l.last.number + 1; l.last.number > 0 && number != next && (number < l.gap || next > l.gap) {
		return fmt.Errorf("topic %s on %s: commit %d cannot be written where %d follows", l.topic, l.conn.Address(), number, next)
	}
	written, err := l.write(ctx, number, entry)
	if err != nil {
		l.doubt()
		return err
	}
	l.last, l.end, l.repair = written, written, false
	l.index = append(l.index, written)
	l.settle(number)
	return nil
}

// write makes one attempt.
func (l *Ledger) write(ctx context.Context, number int64, entry []byte) (written place, err error) {
	l.mu.Lock()
	p, producer := l.cutParcel(number), l.producer
	if l.cut[0] != p {
		l.mu.Unlock()
		return written, fmt.Errorf("commit %d goes before commit %d", l.cut[0].number, number)
	}
	if err := l.begin(); err != nil {
		l.mu.Unlock()
		return written, explain(l.conn, l.topic, err)
	}
	tx := l.tx
	l.produce(p)
	records := tx.produce(producer, l.entryRecords(number, entry, l.repair))
	l.mu.Unlock()
	for _, other := range p.others {
		if err := other(ctx); err != nil {
			return written, err
		}
	}
	if err := tx.wait(ctx, producer); err != nil {
		return written, err
	}
	// A request that is broken off leaves the outcome open, so it has a time of
	// its own.
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerMax)
	defer cancel()
	killpoint.Pass(killpoint.CommitBefore)
	err = producer.EndTransaction(within, kgo.TryCommit)
	killpoint.Pass(killpoint.CommitAfter)
	if err != nil {
		return written, explain(l.conn, l.topic, err)
	}
	return place{number, records[0].Offset, l.instance}, nil
}

func (l *Ledger) inDoubt() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producer == nil
}

// doubt gives up the producer: what became of its transaction is not known.
func (l *Ledger) doubt() {
	l.mu.Lock()
	producer := l.producer
	l.producer, l.tx, l.open.sent = nil, nil, 0
	for _, p := range l.cut {
		p.sent = 0
	}
	l.mu.Unlock()
	if producer != nil {
		producer.Close()
	}
}

// resolve ends the doubt: it locks out the former producer, whose transaction
// is then either in the journal for good or gone, and looks. An instance that
// is not the active one any more must not do so. Should two ever believe they
// are, the journal decides: who finds an entry there that is not its own stops.
func (l *Ledger) resolve(ctx context.Context, number int64) error {
	if err := l.standing.confirm(ctx); err != nil {
		return err
	}
	end, err := l.takeOver(ctx)
	if err != nil {
		return err
	}
	switch {
	case end.number == l.end.number && end.instance == l.end.instance:
	case end.number == number && end.instance == l.instance:
		end.offset -= int64(end.part) // It is the entry's last record.
		l.last, l.end, l.repair = end.place, end.place, false
		l.index = append(l.index, end.place)
	case end.isMark():
		l.doubt()
		return fmt.Errorf("%w: the state of %s on %s was reset; this instance stops", pipeline.ErrFenced, l.name, l.conn.Address())
	default:
		l.doubt()
		return fmt.Errorf("%w: it has written commit %d to topic %s on %s; this instance of %s stops", pipeline.ErrFenced, end.number, l.topic, l.conn.Address(), l.name)
	}
	return nil
}

// settle forgets the messages of a commit that is durable; those of the next one
// are sent after a rest.
func (l *Ledger) settle(number int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tx = nil
	p := l.cutParcel(number)
	p.forget()
	l.cut = l.cut[1:]
	l.live = true
	l.rest()
}
