package event

import "touchstream/pipeline/flat"

// Touch asks for the memory of rows in the columns and in what every operator
// reads. The rows of one shard lie scattered over a batch, so that each place is
// a cache line of its own: asked for together they come together.
func Touch(rows []Row, columns []Column) {
	for _, r := range rows {
		b, i := r.Batch, r.Index
		flat.Touch(&b.Int[EventTime][i])
		flat.Touch(&b.Mark[i])
		flat.Touch(&b.Name[i])
		flat.Touch(&b.Profile[i])
		flat.Touch(&b.ItemCount[i])
		for _, c := range columns {
			if col := b.Str[c]; col != nil {
				flat.Touch(&col[i])
			} else if col := b.Int[c]; col != nil {
				flat.Touch(&col[i])
			}
		}
	}
}
