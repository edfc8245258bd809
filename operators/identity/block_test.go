package identity

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
)

// TestBlocks resolves rows many at a time, as steps bring them, and one by one:
// what is looked up ahead changes nothing, also while entries are evicted, freed
// and given out again.
func TestBlocks(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		l, err := pipetest.Parse(randomLog(r, 400))
		if err != nil {
			t.Fatal(err)
		}
		opts := testOptions()
		if seed%2 == 0 {
			opts.MaxIdentifiers, opts.MaxReferences = 1+r.IntN(12), 1+r.IntN(4)
		}
		cut := 1 + r.IntN(3*blockRows)
		got, want := resolveAll(t, opts, l, cut, cut), resolveAll(t, opts, l, cut, 1)
		if !slices.Equal(got.profiles, want.profiles) {
			t.Fatalf("seed %d: other profiles", seed)
		}
		if !slices.Equal(got.merges, want.merges) {
			t.Fatalf("seed %d: other merges", seed)
		}
		for i := range Tables() {
			if !reflect.DeepEqual(got.turn.Out(i), want.turn.Out(i)) {
				t.Fatalf("seed %d: other rows of %s", seed, Tables()[i].Name)
			}
		}
		if got.turn.Count != want.turn.Count || got.resolver.ids.Len() != want.resolver.ids.Len() {
			t.Fatalf("seed %d: other counts", seed)
		}
	}
}

type outcome struct {
	resolver *Resolver
	turn     *pipeline.Turn
	profiles []event.Hash
	merges   []pipeline.Merge
}

// resolveAll resolves the log in steps of so many rows, each in calls of so many.
func resolveAll(t *testing.T, opts Options, l *pipetest.Log, step, call int) outcome {
	t.Helper()
	b := l.Batch(hour)
	b.NoteEmpty()
	o := outcome{resolver: New(opts), turn: pipeline.NewTurn(pipetest.Hasher(), Tables())}
	o.turn.Origins = []event.Origin{{Source: "log"}}
	for from := 0; from < b.N; from += step {
		for at := from; at < min(from+step, b.N); at += call {
			var rows []uint32
			for r := at; r < min(at+call, from+step, b.N); r++ {
				rows = append(rows, uint32(r))
			}
			o.merges = o.resolver.Resolve(o.turn, b, rows, o.merges)
		}
		o.turn.Watermark = b.Own[from]
		o.resolver.Advance(o.turn)
		check(t, o.resolver)
	}
	o.profiles = slices.Clone(b.Profile[:b.N])
	if o.turn.Watermark == math.MinInt64 {
		t.Fatal("the watermark never moved")
	}
	return o
}
