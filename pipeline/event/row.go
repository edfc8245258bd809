package event

// Row is one row of a batch. Rows in time order come from many batches: those
// of the step at hand and those in which rows waited. What every operator asks
// of every row first stands in it, so that it need not be looked up in columns,
// each of which is another line of memory.
type Row struct {
	Batch *Batch
	// Eff is the row's effective time: its event time or, when late, the
	// watermark it came behind.
	Eff   int64
	Index uint32
	Name  Name
	// Late: the row came behind the watermark it is measured against.
	Late bool
}

// RowOf is the row at an index of the batch.
func RowOf(b *Batch, index int) Row {
	return Row{Batch: b, Eff: b.Eff(index), Index: uint32(index), Name: b.Name[index], Late: b.IsLate(index)}
}

// At gives the batch and the row's place in it.
func (r *Row) At() (*Batch, int) { return r.Batch, int(r.Index) }

// Time is the row's event time.
func (r *Row) Time() int64 {
	if !r.Late {
		return r.Eff
	}
	return r.Batch.Time(int(r.Index))
}

// AppendRows appends rows of one batch.
func AppendRows(dst []Row, b *Batch, rows []uint32) []Row {
	for _, r := range rows {
		dst = append(dst, RowOf(b, int(r)))
	}
	return dst
}
