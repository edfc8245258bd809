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
// type. Both kinds of file are readable only when they are complete, so they
// are written under a hidden name and get their own then. A full disk holds
// the pipeline.
//
// # Runs that keep no state
//
// Each table has one file, dir/sessions.parquet or dir/sessions.arrow, which is
// complete with the last commit; until then a file of a former run stays. A
// table without rows leaves a file with its schema. Rows gather in memory to
// the limits of a row group and then go to disk. An Arrow file has one
// dictionary per column, which is complete only at the end: larger tables wait
// with bare keys in a second hidden file.
//
// # Runs that keep their state
//
// Rows gather in memory in blocks, one per table, and each block becomes a file
// of its own, dir/sessions-1772409600-0000000001.parquet: the state's
// generation and the block's number in its table. Behind the generation stands
// the run if a part of the journal was lost. A block closes with the commit in
// which it has Limits.RowsMax rows, 64 MiB, or is Limits.AgeMs old, and at the
// end; its file is written in the background when that commit is released.
//
// A commit's decision says which blocks close, with how many rows, and which
// files were there by then. A snapshot's state is the rows of open blocks and
// of those whose files are not yet written. A replay therefore closes the same
// blocks and writes again only files that are not known to be there, under the
// same names and, by the same program, with the same bytes; a file that was
// there and that somebody has taken away does not come again.
package arrow
