// Package snapshot keeps cuts through the pipeline's state in files,
// snapshot-<generation>-<commit number>.snap.
//
// A file is a header (magic, format version, generation, commit number,
// CRC32C), the frames of its sections one after another, an index and a
// trailer. A frame is its section's number, its length, a CRC32C and up to 256
// KiB; the checksum covers its place in the file too. The index names the
// sections with their places and sizes. The trailer says where the index is,
// with checksums of both, and ends the file, so that one that is cut short is
// seen at once. All numbers are little-endian.
package snapshot
