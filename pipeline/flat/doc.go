// Package flat holds the structures that state lives in: Slab (entries by id),
// Table (entries by key), Arena (blobs of any length), Timers and Expiring (a
// set of message ids that forgets).
//
// They hold no Go pointers, so the garbage collector does not walk them, and
// lie in pages that never move, so growth copies nothing. Reading and writing
// are separate calls (At and Mut, Get and Mut): every write tells the page that
// it changes, so that a snapshot can copy the page before it does.
//
// All of them are for one goroutine, and what they do depends on the sequence
// of calls alone. In steady state they do not allocate. The build tag
// invariants adds checks for the use of freed entries, and for writes that did
// not tell their page.
//
// # Memory
//
// Pages lie in chunks that the system is asked to back by huge pages
// (chunk.go), except the first ones of each structure. What a step will read at
// random can be asked for some rows ahead, so that the waits overlap: Touch and
// Table.IDs change nothing and no result.
//
// # Snapshots
//
// Parts lists all that a state consists of. A snapshot of it is taken while the
// owner goes on:
//
//	frozen := parts.Freeze(budget)    // The owner, between two of its steps.
//	go func() {                       // Meanwhile the owner writes to the parts.
//		err := frozen.Save(file)
//		frozen.Drop()
//	}()
//	…
//	err := parts.Load(file)           // Into new parts, after a restart.
//
// Freeze copies what is small (counters, the heads of lists, variables) and of
// the pages only the list of their addresses, so it takes well below a
// millisecond for a million entries. From then on each page has a state (cut.go).
// Save takes the pages one by one: it claims the page, copies it to its buffer
// and marks it as written. If the owner comes first, he leaves a copy of the
// page for Save and then writes to the page itself, so live pages never move
// and pointers into them stay good. If he comes while Save copies the page, he
// waits these few microseconds. Pages that were added after the freeze are not
// part of the snapshot.
//
// Writes pay little for this. Each list of pages has an epoch, which a freeze
// raises, and each page the epoch of the last write to it: mut compares the two
// numbers, and only where they differ (the first write to a page after a
// freeze) does it look at the page's state. Reads pay nothing. Pages are small
// (16 KiB) because a write to a random place of a large state copies a page.
//
// The copies that Save has not yet written are bounded by a Budget, which all
// shards of a state may share. A writer that finds it used up waits for Save.
// So Save must not wait for a writer, and one that is not called must be
// dropped.
//
// Load makes the parts what they were to the last id: entries, the order in
// which freed ids are given out again, the layout of the heap of timers. A
// state that goes on from a snapshot thus does exactly what the saved one did.
// Only the index of a Table is not saved: it is made anew from the entries, and
// its layout changes no result. Pages are saved as they lie in memory, with the
// layout of their element type; Load refuses another type, and lengths, lists
// and ids that are not sound. It does not detect a changed value: the file
// needs a checksum of its own. References from one part into another (a Ref or
// an id in an entry) are their owner's.
package flat
