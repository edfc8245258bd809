package pipeline

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// Turn is one shard's share of a step: its watermarks, its output and its
// counters. It is lent for the step.
type Turn struct {
	// Step counts from 1.
	Step int64
	// Before is the operator's watermark at the step's start, Watermark the
	// one that the step's records brought about. At the end of a bounded run
	// it is math.MaxInt64; before any record math.MinInt64.
	Before, Watermark int64
	// Hasher makes ids of facts.
	Hasher *event.Hasher
	// Origins are all origins known so far.
	Origins []event.Origin
	// Address gives the raw identifiers that a trigger may be addressed to; nil
	// in tests without a resolver.
	Address func(profile event.Hash) (user, loyalty, device []byte)
	// Count collects the operator's counters.
	Count Counts

	outs     []*schema.Rows
	triggers *schema.Rows
}

// Counts are an operator's counters of a step.
type Counts struct {
	Evicted   int64 // entries given up because a cap was reached
	Revisions int64 // rows with a revision over 1
	Unknown   int64 // unknown zones and sensors
	Ignored   int64 // sums that left out a second currency
	Late      int64 // late rows taken
}

// Out is the output batch of the operator's table i, in the order of Spec.Tables.
func (t *Turn) Out(i int) *schema.Rows { return t.outs[i] }

// NewTurn makes a turn for tests of a shard and for the engine.
func NewTurn(h *event.Hasher, tables []*schema.Table) *Turn {
	t := &Turn{Hasher: h, triggers: schema.NewRows(Triggers)}
	for _, table := range tables {
		t.outs = append(t.outs, schema.NewRows(table))
	}
	return t
}

// Reset empties the outputs and counters.
func (t *Turn) Reset() {
	for _, o := range t.outs {
		o.Reset()
	}
	t.triggers.Reset()
	t.Count = Counts{}
}

// TriggerRows are the triggers emitted so far.
func (t *Turn) TriggerRows() *schema.Rows { return t.triggers }
