//go:build !amd64

package decode

// markBlocks marks as many blocks of data as there are words of marks.
func markBlocks(marks []uint64, data []byte) { markBlocksPortable(marks, data) }

// run does nothing: advance walks along all steps.
func (w *walk) run() {}
