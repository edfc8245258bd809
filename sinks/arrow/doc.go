// Package arrow is the sink that writes Parquet and Arrow IPC files. Only this
// package knows the Arrow library.
//
//	type           Arrow
//	text, id       utf8
//	low text       dictionary<int32, utf8>
//	time           timestamp[ms, UTC]
//	money          decimal128(18, 4)
//	int, duration  int64
//	float          float64
//	flag           bool
//	lists, maps    list<utf8>, list<decimal128(18, 4)>, map<utf8, utf8>
//
// What is absent is null where the column is nullable, else the zero of its
// type. A file of either format can be read only when it is complete. It is
// therefore written under a hidden name and gets its own name at the end.
//
// # Runs that keep no state
//
// Each table has one file, dir/sessions.parquet or dir/sessions.arrow, which is
// complete with the commit that asks for everything; until then a file of a
// former run stays. Without such a commit the files are given up. A table
// without rows leaves a file with its schema. Rows gather in memory up to the
// limits of a row group and then go to disk. An Arrow file has one dictionary
// per column, which is known only at the end: the rows of larger tables wait
// with bare dictionary keys in a second hidden file. While the disk is full the
// pipeline holds.
//
// # Runs that keep their state
//
// Rows gather in memory in blocks, one per table, and each block becomes a file
// of its own, such as dir/sessions-1772409600-0000000001.parquet: the state's
// generation and the number of the block in its table. If a part of the journal
// was lost, the number of the run stands between the two. A block closes with
// the commit at which it has Limits.RowsMax rows or 64 MiB, or is Limits.AgeMs
// old, or at which all open blocks have more than 256 MiB, and at the end. Its
// file is written in the background once that commit is released. A full disk is
// reported and tried again; the pipeline holds when 256 MiB of rows wait.
//
// The decision of a commit says which blocks close, with how many rows, and
// which files were there by then. The state in a snapshot is the rows of the
// open blocks and of the closed ones whose files are not yet written. A replay
// therefore closes the same blocks. It writes only files that are not known to
// be there, under the same names and, if the program is the same, with the same
// bytes. A file that was there and that somebody has taken away does not come
// again.
//
// Before its first commit a run removes the files of its tables that its state
// does not know: those of the state before a reset, what a bounded run closed
// behind its state, and what was lost with a part of the journal. A reader of the
// whole folder therefore finds each row once.
package arrow
