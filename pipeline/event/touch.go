package event

import "touchstream/pipeline/flat"

// TouchColumns asks for a row's memory in the columns. The rows of one shard lie
// scattered over a batch, so that each place is a cache line of its own: asked for
// together they come together.
func TouchColumns(b *Batch, row int, columns []Column) {
	for _, c := range columns {
		if col := b.Str[c]; col != nil {
			flat.Touch(&col[row])
		} else if col := b.Int[c]; col != nil {
			flat.Touch(&col[row])
		}
	}
}
