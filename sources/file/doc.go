// Package file reads bounded files: jsonl and csv, plain, gzip (.gz) or
// Zstandard (.zst) by name. The files of a source are read one after another in
// name order as one partition.
//
// A record is a line without its line end; in csv a quoted cell may hold line
// ends. Blank lines are no records but count as physical lines. A UTF-8 byte
// order mark at the start of a file is dropped. A csv quote that never closes
// makes its first line a record of its own, so that one bad line costs one
// record. A record over the limit is handed over cut, with its whole size.
//
// A source goes on from a position, a file and a line: files that sort before
// that file are done, and of it the records that begin before the line. Packed
// files are read from their start. What lies before the position is compared
// with the length and checksum of what was read. A file that is added later is
// read only if its name sorts behind the position's file; one that sorts before
// is never read, and one that is done is not looked at again, whatever becomes
// of it.
package file
