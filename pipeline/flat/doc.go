// Package flat holds the structures that state lives in: Slab (entries by id),
// Table (entries by key), Arena (blobs of any length), Timers and Expiring (a
// set of message ids that forgets).
//
// They hold no Go pointers, so the garbage collector does not walk them, and
// lie in pages that never move, so growth copies nothing. Reading and writing
// are separate calls (At and Mut, Get and Mut): every write tells the page that
// it changed, so that a snapshot can copy a page before it does.
//
// All of them are for one goroutine, and what they do depends on the sequence
// of calls alone. In steady state they do not allocate. The build tag
// invariants adds checks for the use of freed entries.
package flat
