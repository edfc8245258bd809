// Package file is the sink that writes jsonl and csv, one file per table, such
// as dir/sessions.jsonl. It makes the folder. Files of a former state are
// replaced. A table without rows leaves an empty file (csv: its header).
//
// The files have their final names from the start and grow by whole commits,
// so they can be followed while the pipeline runs. Lines wait in memory until
// their commit is released. While the disk is full the pipeline holds, and no
// line is written twice when it goes on.
//
// # After a crash
//
// The decision of a commit is the length that each file has with it. The state
// in a snapshot is, for each file, the length that is written and durable, and
// the lines of commits that come after it. A replay makes the same lines again
// and writes them at the same places, so a reader sees no change; lines of
// another length are an error. Whatever a file has beyond the last commit, such
// as half a line, is cut off at the end of the replay. A file that is shorter
// than the state says was changed by somebody else, which is an error.
package file
