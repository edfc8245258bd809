package pipeline

import (
	"encoding/binary"
	"fmt"

	"touchstream/pipeline/schema"
)

// stepDigest says what a step left: a digest for each table, and one for each
// shard that left rows.
type stepDigest struct {
	tables []tableDigest
	shards []shardDigest
}

type tableDigest struct {
	table string
	rows  int
	sum   uint64
}

type shardDigest struct {
	shard int
	sum   uint32
}

// noShardDigest is the place of rows that no shard makes: of the reading side
// and the resolver.
const noShardDigest = -1

// digester gathers the digest of a step. One that is off costs nothing.
type digester struct {
	on     bool
	places map[*schema.Table]int
	sums   []tableDigest
	shards []uint64 // that of no shard first
}

func newDigester(cfg *Config) *digester {
	d := &digester{on: cfg.Durable(), places: map[*schema.Table]int{}, shards: make([]uint64, cfg.Shards+1)}
	for _, s := range cfg.Sinks {
		for _, t := range s.Tables {
			if _, ok := d.places[t]; !ok {
				d.places[t] = len(d.sums)
				d.sums = append(d.sums, tableDigest{table: t.Name})
			}
		}
	}
	return d
}

// begin starts a step.
func (d *digester) begin() {
	for i := range d.sums {
		d.sums[i].rows, d.sums[i].sum = 0, 0
	}
	clear(d.shards)
}

// digestPrime makes the order of batches count.
const digestPrime = 0x9e3779b97f4a7c15

// add takes a batch of rows of a shard, in the order in which they leave.
func (d *digester) add(shard int, rows *schema.Rows) {
	if !d.on || rows.N == 0 {
		return
	}
	i := d.places[rows.Table]
	sum := rows.Digest()
	d.sums[i].rows += rows.N
	d.sums[i].sum = d.sums[i].sum*digestPrime + sum
	d.shards[shard+1] = (d.shards[shard+1]+uint64(i)+1)*digestPrime + sum
}

// digest is what was gathered since begin.
func (d *digester) digest() (out stepDigest) {
	for _, t := range d.sums {
		if t.rows > 0 {
			out.tables = append(out.tables, t)
		}
	}
	for i, sum := range d.shards {
		if sum != 0 {
			out.shards = append(out.shards, shardDigest{i - 1, uint32(sum>>32) | 1})
		}
	}
	return out
}

func (d *stepDigest) append(w *encoder) {
	w.uint(uint64(len(d.tables)))
	for _, t := range d.tables {
		w.text(t.table)
		w.uint(uint64(t.rows))
		w.b = binary.LittleEndian.AppendUint64(w.b, t.sum)
	}
	w.uint(uint64(len(d.shards)))
	for _, s := range d.shards {
		w.int(int64(s.shard))
		w.uint(uint64(s.sum))
	}
}

func decodeDigest(r *decoder) (d stepDigest) {
	for range r.count() {
		d.tables = append(d.tables, tableDigest{r.text(), int(r.uint()), r.fixed()})
	}
	for range r.count() {
		d.shards = append(d.shards, shardDigest{int(r.int()), uint32(r.uint())})
	}
	return d
}

// compare says how a replayed step's digest differs from the journal's.
func (d *stepDigest) compare(step int64, now *stepDigest) error {
	for _, t := range union(d.tables, now.tables, func(t tableDigest) string { return t.table }) {
		was, is := tableOf(d.tables, t), tableOf(now.tables, t)
		if was == is {
			continue
		}
		where := "no shard by itself"
		for _, s := range union(d.shards, now.shards, func(s shardDigest) int { return s.shard }) {
			if shardOf(d.shards, s) != shardOf(now.shards, s) {
				where = shardName(s)
				break
			}
		}
		return fmt.Errorf("replay of step %d differs from its journal record: table %s, %s: %d rows with digest %016x then, %d rows with digest %016x now; nothing was sent. "+
			"The input, the configuration or the program is another one: start the version and configuration that wrote the journal, or reset the state", step, t, where, was.rows, was.sum, is.rows, is.sum)
	}
	return nil
}

func shardName(shard int) string {
	if shard == noShardDigest {
		return "before the shards"
	}
	return fmt.Sprintf("shard %d", shard)
}

func union[T any, K comparable](a, b []T, key func(T) K) []K {
	var out []K
	seen := map[K]bool{}
	for _, list := range [][]T{a, b} {
		for _, x := range list {
			if k := key(x); !seen[k] {
				seen[k] = true
				out = append(out, k)
			}
		}
	}
	return out
}

func tableOf(list []tableDigest, name string) tableDigest {
	for _, t := range list {
		if t.table == name {
			return t
		}
	}
	return tableDigest{table: name}
}

func shardOf(list []shardDigest, shard int) uint32 {
	for _, s := range list {
		if s.shard == shard {
			return s.sum
		}
	}
	return 0
}
