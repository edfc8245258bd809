// Package clickhouse is the sink that writes rows to ClickHouse 23.2 or newer
// over its native protocol.
//
// Open makes the database, the tables and a view v_<table> for each where they
// are missing, from the one declaration in pipeline/schema. It never drops or
// alters a table; one that differs is an error that shows both sides. A view
// carries a mark of its text in its comment and is replaced when this package
// made it and its text is another now.
//
// Revisable tables are ReplacingMergeTree(_version, is_deleted) ordered by the
// id of the fact; what only grows is ReplacingMergeTree(_version) ordered by
// its id too, so that a block inserted twice shows once in the view. _version
// is (state generation, revision), 32 bits each: rows of a later generation
// win. _block is (generation, run, number of the block in this run), 12, 20
// and 32 bits, the same in all rows of one insert. Views read FINAL, hide
// tombstones and the columns with an underscore, and replace profile ids by
// identity_overrides if that table is written too.
//
// Rows gather in blocks, one per table and month, in the wire format already.
// A block is closed by its rows, its bytes, by the bytes of all blocks, or by
// Flush, and goes out as one insert, which makes one part: all of it is there
// or nothing. After any error of an insert the former attempt is killed and its
// block looked up before it is sent again, so an outage neither loses nor
// doubles rows.
//
// One run should write a table of a cluster through one replica at a time;
// addr is tried in its order. With several shards put a Distributed table in
// front of those that this package makes.
package clickhouse
