package schema

import "slices"

// Type is the type of a column. Each sink maps it to its own.
type Type uint8

const (
	// Text is UTF-8; the empty text is absent and never NULL.
	Text Type = iota
	// LowText is text with few different values.
	LowText
	// UUID is 16 bytes, written as 36 characters.
	UUID
	// Time is milliseconds UTC.
	Time
	// Money is an integer in 1/10,000 of the unit.
	Money
	// Int is a 64-bit integer.
	Int
	// Duration is an integer of milliseconds; its name ends in _ms.
	Duration
	// Float is a 64-bit float.
	Float
	// Flag is true or false.
	Flag
	// Texts is a list of texts.
	Texts
	// Moneys is a list of amounts, absent ones included.
	Moneys
	// Map is a text to text map, a list of pairs.
	Map
)

// Column is one column of a table.
type Column struct {
	Name string
	Type Type
	// Nullable columns tell absent from zero.
	Nullable bool
	// Path marks columns (†) that take a late event as if it had come last.
	Path bool
	Doc  string
}

// Table is the declaration of one output table.
type Table struct {
	Name    string
	Doc     string
	Columns []Column
	// ID names the columns that identify a fact.
	ID []string
	// Revisable tables carry revision: of each id the highest one counts.
	// The others only grow.
	Revisable bool
	// Deletable tables carry is_deleted: a row with it is a tombstone.
	Deletable bool
	// Partition is the column, one that never changes for a fact, whose month
	// partitions the table: a Time column or a UUIDv7. Empty: not partitioned.
	Partition string
	// Profiles names columns that hold a profile id, to which views apply
	// identity_overrides.
	Profiles []string
}

// Column gives the index of a column, -1 if there is none.
func (t *Table) Column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}
