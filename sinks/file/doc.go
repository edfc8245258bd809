// Package file is the sink that writes jsonl and csv, one file per table,
// dir/sessions.jsonl. The folder is made, files of a former state are replaced,
// and a table without rows leaves an empty file (csv: its header).
//
// The files have their final names from the start and grow by whole lines, so
// that they can be followed while the pipeline runs. Lines gather in memory
// until their commit is released; a full disk holds the pipeline, and no line
// is written twice when it goes on.
//
// # After a crash
//
// A commit's decision is the length of each file with it. A snapshot's state is
// the length that is written and durable by then, and the lines of commits that
// come behind. A replay makes the same lines again and writes them at their
// old places, so that a reader sees no change; what a file has beyond the last
// commit, such as half a line, is cut off at the end. A file that is shorter
// than its state says was changed by somebody else, which is an error.
package file
