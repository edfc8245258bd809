// Package file is the sink that writes jsonl and csv, one file per table,
// dir/sessions.jsonl. The folder is made, files of a former run are replaced,
// and a table without rows leaves an empty file (csv: its header).
//
// The files have their final names from the start and grow by whole lines, so
// that they can be followed while the pipeline runs. Flush writes what is
// gathered; a full disk holds the pipeline, and no line is written twice when
// it goes on.
package file
