// Package stdout is the sink that prints rows as jsonl on standard output.
// With several tables each line begins with the key "table". A commit's rows
// are printed when it is released.
//
// # After a crash
//
// What was printed cannot be taken back and nobody can tell how much of it was
// read, so rows come at least once: a commit's decision says which commits had
// been printed, and a replay prints again only those that are not known to
// have been. That is the last one as a rule.
package stdout
