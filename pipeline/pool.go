package pipeline

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// takePiece gives an empty piece for a partition.
func (in *input) takePiece(p *partition) *piece {
	var x *piece
	select {
	case x = <-in.pool:
		in.pooled.Add(-int64(x.batch.Size()))
	default:
		x = &piece{chunk: &event.Chunk{}, dead: schema.NewRows(DeadLetters)}
		x.batch = event.NewBatch(in.workers[0].want)
		routers := in.workers[0].routers
		x.units, x.byUnit, x.sharded = make([]Units, routers), make([]shardRows, routers), make([]Units, routers)
	}
	x.source, x.part, x.users = p.source, p, 1
	if cap(x.batch.Arena) > cap(x.chunk.Data) {
		x.chunk.Data = x.batch.Arena // the arena had to grow
	}
	x.chunk.Reset()
	x.batch.Reset()
	x.dead.Reset()
	x.rows = x.rows[:0]
	x.raw = chunkRecords{x.chunk}
	return x
}

// pooledBytes is how much memory pieces keep for reuse: those in which rows have
// waited may take much more.
const pooledBytes = 256 << 20

// givePiece takes a piece back for reuse.
func (in *input) givePiece(x *piece) {
	size := int64(x.batch.Size())
	if in.pooled.Add(size) > pooledBytes {
		in.pooled.Add(-size)
		return
	}
	select {
	case in.pool <- x:
	default:
		in.pooled.Add(-size)
	}
}
