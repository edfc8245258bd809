package decode

import "touchstream/pipeline/cpu"

// markBlocks marks as many blocks of data as there are words of marks.
func markBlocks(marks []uint64, data []byte) {
	if !cpu.HasAVX2 {
		markBlocksPortable(marks, data)
		return
	}
	if len(marks) > 0 {
		_ = data[len(marks)*blockBytes-1]
		markBlocksAVX2(&marks[0], &data[0], len(marks))
	}
}

// markBlocksAVX2 is markBlocks for n > 0 blocks.
//
//go:noescape
func markBlocksAVX2(marks *uint64, data *byte, n int)

// run walks on as long as steps are plain: texts of up to 32 bytes, strings
// without odd characters, short numbers, constants. What it stops at is for
// advance, which is the whole truth.
func (w *walk) run() {
	if cpu.HasAVX2 {
		runAVX2(w)
	}
}

//go:noescape
func runAVX2(w *walk)
