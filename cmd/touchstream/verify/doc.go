// Package verify derives the facts again, from the events table alone and with
// SQL in ClickHouse that knows nothing of the operators, and compares them row
// by row with the facts that the pipeline left.
//
// The statements are the .sql files of this package, templates over Params.
// Those that create temporary tables stage the events, and narrow rows about
// them; each of the others is one query that derives a table. A Table says how its rows are
// paired with the facts, which columns are compared and which are not, and up
// to when a row is settled.
//
// The staging tables are not temporary but in a scratch database when there can
// be one: several connections see it, and two statements run at a time, each as
// soon as what it reads is there.
package verify
