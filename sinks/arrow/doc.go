// Package arrow is the sink that writes Parquet and Arrow IPC files, one per
// table, dir/sessions.parquet or dir/sessions.arrow. Only this package knows
// the Arrow library.
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
// are written under a hidden name and get their own at Close; until then a file
// of a former run stays. A table without rows leaves a file with its schema.
// Rows gather in memory to the limits of a row group and then go to disk.
//
// An Arrow file has one dictionary per column, which is complete only at the
// end: larger tables wait with bare keys in a second hidden file.
//
// A full disk holds the pipeline while rows come; at Close it is an error.
package arrow
