package event

// Row is one row of a batch. Rows in time order come from many batches: those
// of the step at hand and those in which rows waited.
type Row struct {
	Batch *Batch
	Index uint32
}

// At gives the batch and the row's place in it.
func (r Row) At() (*Batch, int) { return r.Batch, int(r.Index) }

// Eff is the row's effective time.
func (r Row) Eff() int64 { return r.Batch.Eff(int(r.Index)) }

// AppendRows appends rows of one batch.
func AppendRows(dst []Row, b *Batch, rows []uint32) []Row {
	for _, r := range rows {
		dst = append(dst, Row{b, r})
	}
	return dst
}
