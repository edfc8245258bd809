package event

import "touchstream/pipeline/flat"

// Touch asks for the memory of rows in the columns and in what every operator
// reads. The rows of one shard lie scattered over a batch, so that each place is
// a cache line of its own: asked for together they come together.
func Touch(rows []Row, columns []Column) {
	for i := range rows {
		b, row := rows[i].At()
		flat.Touch(&b.Head[row])
		flat.Touch(&b.Profile[row])
		TouchColumns(b, row, columns)
	}
}

// TouchColumns asks for a row's memory in the columns.
func TouchColumns(b *Batch, row int, columns []Column) {
	for _, c := range columns {
		if col := b.Str[c]; col != nil {
			flat.Touch(&col[row])
		} else if col := b.Int[c]; col != nil {
			flat.Touch(&col[row])
		}
	}
}
