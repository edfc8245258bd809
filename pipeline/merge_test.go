package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// linkResolver takes the first letter of the key for the profile; a row whose
// key is "xy" lets profile y join x.
type linkResolver struct{ to map[event.Hash]event.Hash }

func (r *linkResolver) Spec() Spec {
	return Spec{Needs: event.Want{Columns: event.SetOf(event.AnonymousID)}}
}
func (r *linkResolver) Advance(*Turn) {}
func (r *linkResolver) Entries() int  { return len(r.to) }
func (r *linkResolver) Bytes() int    { return 0 }
func (r *linkResolver) Resolve(t *Turn, b *event.Batch, rows []uint32, merges []Merge) []Merge {
	profile := func(key []byte) event.Hash { return t.Hasher.Sum(event.TagProfile, key) }
	for _, row := range rows {
		key := b.Text(event.AnonymousID, int(row))
		h := profile(key[:1])
		if len(key) > 1 {
			old := profile(key[1:])
			r.to[old] = h
			merges = append(merges, Merge{Old: old, Current: h, At: b.Eff(int(row))})
		}
		for n, ok := r.to[h]; ok; n, ok = r.to[h] {
			h = n
		}
		b.Profile[row] = h
	}
	return merges
}

// countOperator counts the rows of each profile and writes the count at the end.
type countOperator struct{}

var countTable = &schema.Table{Name: "count", Columns: []schema.Column{{Name: "profile", Type: schema.Text}, {Name: "rows", Type: schema.Int}}}

func (countOperator) Name() string { return "count" }
func (countOperator) Spec() Spec {
	return Spec{Key: ByProfile, Order: InTime, Tables: []*schema.Table{countTable}}
}
func (countOperator) Takes(*event.Batch, int) bool { return true }
func (countOperator) NewShard(int) Shard           { return &countShard{rows: map[event.Hash]int64{}} }

type countShard struct{ rows map[event.Hash]int64 }

func (s *countShard) Fold(_ *Turn, rows []event.Row) {
	for _, r := range rows {
		s.rows[r.Batch.Profile[r.Index]]++
	}
}
func (s *countShard) Merge(_ *Turn, from Shard, old, current event.Hash) {
	f := from.(*countShard)
	if n := f.rows[old]; n > 0 {
		s.rows[current] += n
		delete(f.rows, old)
	}
}
func (s *countShard) Advance(t *Turn) {
	if t.Watermark < endOfTime {
		return
	}
	for h, n := range s.rows {
		out := t.Out(0)
		out.Begin()
		out.Text(h.AppendHex(nil))
		out.Int(n)
		out.End()
	}
	clear(s.rows)
}
func (s *countShard) Entries() int { return len(s.rows) }
func (s *countShard) Bytes() int   { return 0 }

// TestRowsBeforeAMergeFollowIt lets profiles join in the midst of steps: rows
// of the same step before the link belong to the profile that goes on, too.
func TestRowsBeforeAMergeFollowIt(t *testing.T) {
	lines := []string{"100 a", "101 b", "102 b", "103 c", "104 ba", "105 a", "106 c", "107 cb", "108 a", "109 d", "300 b"}
	h := event.NewHasher("k", []string{""})
	want := []string{
		fmt.Sprintf("%s 10", h.Sum(event.TagProfile, []byte("c"))),
		fmt.Sprintf("%s 1", h.Sum(event.TagProfile, []byte("d"))),
	}
	slices.Sort(want)
	for _, step := range []int{1, 2, 3, 5, 100} {
		sink := &memorySink{}
		cfg := testConfig(newMemorySource(lines), sink, InTime, step, 2)
		cfg.Operators = []Operator{countOperator{}}
		cfg.NewResolver = func() Resolver { return &linkResolver{to: map[event.Hash]event.Hash{}} }
		cfg.Sinks[0].Tables = []*schema.Table{countTable}
		if err := New(cfg).Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := slices.Sorted(slices.Values(sink.rows["count"]))
		if !slices.Equal(got, want) {
			t.Errorf("steps of %d:\n%s\nwant\n%s", step, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// placeOperator writes down how many rows two profiles had when they joined.
type placeOperator struct{ countOperator }

var placeTable = &schema.Table{Name: "place", Columns: []schema.Column{
	{Name: "old", Type: schema.Text}, {Name: "rows", Type: schema.Int}, {Name: "current_rows", Type: schema.Int}, {Name: "at", Type: schema.Int}}}

func (placeOperator) Spec() Spec {
	return Spec{Key: ByProfile, Order: InTime, Tables: []*schema.Table{placeTable}}
}
func (placeOperator) NewShard(int) Shard {
	return &placeShard{countShard{rows: map[event.Hash]int64{}}}
}

type placeShard struct{ countShard }

func (s *placeShard) Advance(*Turn) {}
func (s *placeShard) Merge(t *Turn, from Shard, old, current event.Hash) {
	if f, ok := from.(*placeShard); ok && old == current {
		s.rows[old] += f.rows[old]
		delete(f.rows, old)
		return
	}
	out := t.Out(0)
	out.Begin()
	out.Text(old.AppendHex(nil))
	out.Int(s.rows[old])
	out.Int(s.rows[current])
	out.Int(t.Watermark)
	out.End()
	s.rows[current] += s.rows[old]
	delete(s.rows, old)
}

// TestMergesTakePlaceInTimeOrder joins profiles, some of them in chains and by
// events out of order: what each had by then does not depend on step cuts.
func TestMergesTakePlaceInTimeOrder(t *testing.T) {
	lines := []string{"100 a", "101 b", "102 b", "103 c", "108 b", "104 ba", "105 a", "106 c", "107 cb", "108 a", "109 d", "112 de", "111 e",
		"110 e", "113 dc", "300 b", "301 e"}
	h := event.NewHasher("k", []string{""})
	name := func(p string) string { return h.Sum(event.TagProfile, []byte(p)).String() }
	want := []string{
		name("a") + " 1 2 104",  // a: 100; b: 101 102
		name("b") + " 5 2 107",  // b: 100 101 102 104 105; c: 103 106
		name("c") + " 10 4 113", // c: all of a, b and c to 108; d: 109 110 111 112
		name("e") + " 0 3 112",  // the rows of e come after the link in the log: they are d's, as is 109
	}
	slices.Sort(want)
	for _, step := range []int{1, 2, 3, 5, 100} {
		for _, shards := range []int{1, 8} {
			sink := &memorySink{}
			cfg := testConfig(newMemorySource(lines), sink, InTime, step, 2)
			cfg.Shards = shards
			cfg.Operators = []Operator{placeOperator{}}
			cfg.NewResolver = func() Resolver { return &linkResolver{to: map[event.Hash]event.Hash{}} }
			cfg.Sinks[0].Tables = []*schema.Table{placeTable}
			if err := New(cfg).Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			got := slices.Sorted(slices.Values(sink.rows["place"]))
			if !slices.Equal(got, want) {
				t.Errorf("steps of %d, %d shards:\n%s\nwant\n%s", step, shards, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// TestChainsOfMergesAgainstTheirTimes: the second link of the log comes first in
// time, so that one who joins afterwards joins the profile that goes on.
func TestChainsOfMergesAgainstTheirTimes(t *testing.T) {
	h := event.NewHasher("k", []string{""})
	for range 3 {
		for _, keys := range []string{"abcd", "hgfe", "ijkl", "mnop", "qrst", "wvux"} {
			a, b, c, d := keys[0:1], keys[1:2], keys[2:3], keys[3:4]
			first := []string{"100 " + a, "120 " + b + a, "125 " + a, "300 " + d, "400 " + a}
			second := []string{"101 " + b, "110 " + c + b, "115 " + b, "300 " + d}
			want := []string{
				fmt.Sprintf("%s 7", h.Sum(event.TagProfile, []byte(c))),
				fmt.Sprintf("%s 2", h.Sum(event.TagProfile, []byte(d))),
			}
			slices.Sort(want)
			for _, step := range []int{4, 6, 100} {
				sink := &memorySink{}
				cfg := testConfig(newMemorySource(first, second), sink, InTime, step, 2)
				cfg.Operators = []Operator{countOperator{}}
				cfg.NewResolver = func() Resolver { return &linkResolver{to: map[event.Hash]event.Hash{}} }
				cfg.Sinks[0].Tables = []*schema.Table{countTable}
				if err := New(cfg).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := slices.Sorted(slices.Values(sink.rows["count"])); !slices.Equal(got, want) {
					t.Errorf("%s, steps of %d:\n%s\nwant\n%s", keys, step, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		}
	}
}

// unionResolver joins what each side of a link has become by then.
type unionResolver struct{ linkResolver }

func (r *unionResolver) root(h event.Hash) event.Hash {
	for n, ok := r.to[h]; ok; n, ok = r.to[h] {
		h = n
	}
	return h
}

func (r *unionResolver) Resolve(t *Turn, b *event.Batch, rows []uint32, merges []Merge) []Merge {
	for _, row := range rows {
		key := b.Text(event.AnonymousID, int(row))
		h := r.root(t.Hasher.Sum(event.TagProfile, key[:1]))
		if old := r.root(t.Hasher.Sum(event.TagProfile, key[len(key)-1:])); old != h {
			r.to[old] = h
			merges = append(merges, Merge{Old: old, Current: h, At: b.Eff(int(row))})
		}
		b.Profile[row] = h
	}
	return merges
}

// TestRandomMerges: at the end each set of linked profiles has all its rows
// under one name, for any cut of steps and any order of links in time.
func TestRandomMerges(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		parts := [][]string{nil, nil, nil}
		set := map[byte]byte{}
		find := func(c byte) byte {
			for set[c] != 0 {
				c = set[c]
			}
			return c
		}
		var keys []string
		for i := range 300 {
			key := []byte{byte('A' + r.IntN(50))}
			if r.IntN(6) == 0 {
				key = append(key, byte('A'+r.IntN(50)))
				if x, y := find(key[0]), find(key[1]); x != y {
					set[y] = x
				}
			}
			keys = append(keys, string(key))
			p := r.IntN(3)
			parts[p] = append(parts[p], fmt.Sprintf("%d %s", int64(1000+i)-r.Int64N(12), key))
		}
		sizes := map[byte]int{}
		for _, k := range keys {
			sizes[find(k[0])]++
		}
		var want []string
		for _, n := range sizes {
			want = append(want, fmt.Sprint(n))
		}
		slices.Sort(want)
		for _, step := range []int{3, 20, 1000} {
			sink := &memorySink{}
			cfg := testConfig(newMemorySource(parts...), sink, InTime, step, 2)
			cfg.Operators = []Operator{countOperator{}}
			cfg.NewResolver = func() Resolver { return &unionResolver{linkResolver{to: map[event.Hash]event.Hash{}}} }
			cfg.Sinks[0].Tables = []*schema.Table{countTable}
			if err := New(cfg).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range sink.rows["count"] {
				got = append(got, strings.Fields(row)[1])
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Fatalf("seed %d, steps of %d: sets of %q rows, want %q", seed, step, got, want)
			}
		}
	}
}
