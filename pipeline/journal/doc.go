// Package journal is the pipeline's journal in files, for pipelines without
// Kafka.
//
// A folder holds segments, journal-<number of the first entry, 20 digits>.log.
// A segment is a header (magic, format version, generation of the state, number
// of the first entry and of the one before it, CRC32C) and entries (length,
// number, CRC32C of both and of the bytes, bytes), all numbers little-endian.
// Numbers rise by one, also from segment to segment; only what a snapshot holds
// may be missing, and then the header of the segment behind the gap says so. The
// file lock is locked by the process that may write and holds the number of the
// newest entry; the file generation holds the generation of the state: segments
// of an earlier one are void.
package journal
