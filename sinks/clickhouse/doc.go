// Package clickhouse is the sink that writes rows to ClickHouse 23.2 or newer
// over its native protocol, each of them once.
//
// # Tables
//
// Open makes the database, the tables and a view v_<table> for each where they
// are missing, from the one declaration in pipeline/schema (create.go, ddl.go).
// It never drops a table, and alters one only to let it remember the tokens of
// blocks; one that differs is an error that shows both sides (compare.go). The comment of a view carries a mark of its text. A
// view is replaced only if this package made it and its text is another now.
//
// Revisable tables are ReplacingMergeTree(_version, is_deleted) ordered by the
// id of the fact; tables that only grow are ReplacingMergeTree(_version)
// ordered by their id too, so that a block inserted twice shows once in the
// view. _version is (state generation, revision), 32 bits each: rows of a later
// generation win. _block is (generation, run, number of the block), of 12, 20
// and 32 bits, the same in all rows of one insert. Views read FINAL, hide
// tombstones and the columns that begin with an underscore, and replace profile
// ids by identity_overrides if that table is written too.
//
// # The way of a row
//
// Write gathers rows in blocks, one per table and month, already in the wire
// format (blocks.go, column.go). A block closes in two ways. Within Write it
// closes by its rows, its bytes, or the number or bytes of all open blocks,
// which depend on nothing but the rows. At a Cut it closes by a decision
// (cut.go) that goes into the journal. So a replay rebuilds the very same
// blocks with the same numbers. Closed blocks wait in the queue (queue.go),
// each with the commit that lets it go. Once that is released, the sender
// (sender.go) delivers it. It works on several blocks at a time and sends each
// with one insert that makes one part: all of it is there or nothing. An error
// that holds up delivery goes to Opening.Report and is tried again.
//
// A column without a value in any row of a block takes no memory and is not sent
// (column.go, insert.go): the server makes what would have been sent. Only where
// a column had an expression (DEFAULT) when the sink was opened, it is sent.
//
// At normal rates a Cut closes every open block: rows are as fresh as the
// commit interval, if that is a second or more. So that a server never has too
// many parts because of this sink, a partition gets a small block only every
// 0.9 s, and more rarely, up to every 10 s, where rows of many months or tables
// come at once. No small block closes in a partition that has a block on its
// way, and none at all while delivery is held up or late: the blocks grow until
// they are full. A table that had too many parts gets small blocks only every
// 10 s for a minute. The last Cut of a run closes everything.
//
// # Doubt
//
// After any error of an insert it is not known whether the block went in. Nor
// is it known of a block that a replay rebuilds. Both are settled in one way
// (settle.go): end all former attempts, by KILL QUERY … SYNC for the query ids
// of the block, which begin alike in all processes; count the block's rows in
// its partition; insert it only if there are none. If the client is cut off in
// the middle of a block, the server notices the KILL after 10 s at most: that is
// the receive_timeout of these connections.
//
// A process that was taken for dead may send a block after its successor did.
// So each insert carries the block's number as insert_deduplication_token
// (insert.go), and the server takes a block with a token that it knows for a
// duplicate, whatever its content. Tables that are not replicated remember the
// newest 10,000 tokens for that: non_replicated_deduplication_window. But they
// may know a token and lack the rows: the server notes it before the part gets
// its name, and is killed between the two. So a duplicate, which the server
// tells in its events of an insert, is settled like any doubt, and sent under
// the next token of the block if it is missing; nor does an answer without these
// events count as a success. All processes try the tokens in the same order, so
// that this, too, happens once.
//
// So a row is there once even without FINAL, with three exceptions, in which
// views still show it once: a block that a process sends after as many others
// as the table remembers; a power cut at the server, which may keep a part and
// lose its token; and a block of which all rows have newer versions and were
// merged away, which counts as missing. Materialized views get the rows of a
// duplicate again unless their target has such a window, too.
//
// # State
//
// The decision of a commit also tells which blocks are delivered, so that a
// replay drops them. State holds the open blocks with their rows and the list
// of the closed ones that wait (state.go). The contents of those are files of
// the spool (spool.go), each with a checksum and durable when State returns.
// Closed blocks for which memory has no room go there as well, up to spool_max,
// and come back for their insert. When memory and spool are full, or the disk
// is, Write holds. Without a folder for state, memory alone is the bound.
//
// The file of a block is removed when the block is delivered. If a state names
// the block, an empty marker stays for some further calls of State. Open checks
// the files of the blocks that the state names. If one is missing or damaged,
// has no marker, and its block is not in ClickHouse, Open returns an error
// marked by pipeline.ErrDamaged, since an older snapshot may do without it.
// Files that the state does not name are removed: the replay makes their blocks
// again.
//
// # Several servers
//
// Of replicated tables, also those of ClickHouse Cloud, Keeper knows the tokens:
// it notes one together with the part, and takes a block once, through whichever
// replica, as long as it remembers the token (see
// replicated_deduplication_window). addr may then list several replicas, which
// are tried in this order. What one replica has acknowledged and then lost for
// good before another fetched it is lost; insert_quorum in the user's profile
// prevents that.
//
// Tables that are not replicated, on the servers of a cluster, are settled on
// all of them, so all must be up for that; a token is known to the server alone
// that got it. Without cluster, addr must not list several servers with tables
// of their own. With several shards put a Distributed table in front of those
// that this package makes.
package clickhouse
