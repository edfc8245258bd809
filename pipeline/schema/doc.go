// Package schema declares output tables once. ClickHouse DDL, Arrow schemas,
// the JSON and CSV writers and the documentation are derived from a Table; Rows
// is the columnar batch in which operators leave rows and sinks take them.
package schema
