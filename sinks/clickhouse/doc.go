// Package clickhouse is the sink that writes rows to ClickHouse 23.2 or newer
// over its native protocol, each of them once.
//
// # Tables
//
// Open makes the database, the tables and a view v_<table> for each where
// they are missing, from the one declaration in pipeline/schema (create.go,
// ddl.go). It never drops or alters a table; one that differs is an error that
// shows both sides (compare.go). A view carries a mark of its text in its
// comment and is replaced when this package made it and its text is another
// now.
//
// Revisable tables are ReplacingMergeTree(_version, is_deleted) ordered by the
// id of the fact; what only grows is ReplacingMergeTree(_version) ordered by
// its id too, so that a block inserted twice shows once in the view. _version
// is (state generation, revision), 32 bits each: rows of a later generation
// win. _block is (generation, run, number of the block), 12, 20 and 32 bits,
// the same in all rows of one insert. Views read FINAL, hide tombstones and the
// columns with an underscore, and replace profile ids by identity_overrides if
// that table is written too.
//
// # The way of a row
//
// Write gathers rows in blocks, one per table and month, in the wire format
// already (blocks.go, column.go). A block closes within Write by its rows, its
// bytes or the bytes of all open blocks, which depends on nothing but the rows;
// and at a Cut by a decision (cut.go) that is journaled, so that a replay
// rebuilds the very same blocks with the same numbers. Closed blocks stand in
// the queue (queue.go) with the commit that ends behind them. Release lets them
// leave: the sender (sender.go) inserts several at a time, each with one insert
// that makes one part: all of it is there or nothing.
//
// A Cut closes every open block at normal rates: rows are as fresh as the
// commit interval, if that is a second or more. So that a server never has too
// many parts because of this sink, a partition gets a small block only every
// 0.9 s, and more rarely, up to 10 s, where rows of many months or tables come
// at once. None closes in a partition that has a block on its way, nor anywhere
// while blocks are held up or late: they grow until they are full. A table that
// had too many parts gets small blocks every 10 s for a minute.
//
// # Doubt
//
// After any error of an insert it is not known whether the block is in, nor is
// it of a block that a replay rebuilds. Then there is one path (settle.go): end
// all former attempts, by KILL QUERY … SYNC for the block's query ids, which all
// processes begin alike and end differently; count the block's rows in its
// partition; insert it only if there are none. A server notices the KILL after
// 10 s at most if the client is cut off in the middle of a block: that is the
// receive_timeout of these connections.
//
// So a row is there once even without FINAL, with two exceptions, in which
// views still show it once: a process that was taken for dead may send a block
// after its successor did, and a block of which all rows have newer versions
// and were merged away counts as missing.
//
// # State
//
// A Cut's decision also tells which blocks are delivered: a replay drops them.
// State holds the open blocks with their rows and the list of the closed ones
// that wait (state.go). Those are files of the spool (spool.go), each with a
// checksum and durable when State returns. Closed blocks that memory does not
// hold go there as well, until spool_max, and come back for their insert. With
// both full, or no room on the disk, Write holds; without a folder for state
// memory alone is the bound.
//
// A file goes when its block is delivered; where a state names the block an
// empty marker stays for some States. Resume checks the files of the blocks
// that the state names. One that is missing or damaged, has no marker and is
// not in ClickHouse makes it an error marked by pipeline.ErrDamaged, since an
// older snapshot may do without. Files that the state does not name are
// removed: the replay makes their blocks again.
//
// # Several servers
//
// Inserts into replicated tables, also those of ClickHouse Cloud, carry the
// block's number as insert_deduplication_token: Keeper takes a block once,
// through whichever replica, as long as it remembers the token (see
// replicated_deduplication_window). addr may then list several replicas, which
// are tried in this order. What one replica has acknowledged and lost for good
// before another fetched it is lost; insert_quorum in the user's profile
// prevents that.
//
// Tables that are not replicated, on the servers of a cluster, are settled on
// all of them, so all must be up for that. Without cluster, addr must not list
// several servers with tables of their own. With several shards put a
// Distributed table in front of those that this package makes.
package clickhouse
