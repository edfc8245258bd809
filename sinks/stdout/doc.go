// Package stdout is the sink that prints rows as jsonl on standard output, each
// when its commit is released. With several tables each line begins with the
// key "table".
//
// # After a crash
//
// What was printed cannot be taken back, and nobody can tell how much of it was
// read. So each row is printed at least once: the decision of a commit says
// which commits had been printed by then, and a replay leaves those out. It
// prints again only commits that no later decision mentions: as a rule the last
// one alone.
package stdout
