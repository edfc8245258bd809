package clickhouse

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"touchstream/pipeline/config"
	"touchstream/pipeline/schema"
)

// overridesName is the table that tells where merged profiles live on.
const overridesName = "identity_overrides"

// Options shape the statements.
type Options struct {
	Database   string
	Cluster    string
	Replicated bool
	// TTLMs is the time to live of the table's rows; 0: for ever.
	TTLMs int64
	// Overrides: views look up profiles in identity_overrides.
	Overrides bool
}

// columnTypes are the types of columns that cannot be NULL.
var columnTypes = [...]string{
	schema.Text:     "String",
	schema.LowText:  "LowCardinality(String)",
	schema.UUID:     "UUID",
	schema.Time:     "DateTime64(3, 'UTC')",
	schema.Money:    "Decimal(18, 4)",
	schema.Int:      "Int64",
	schema.Duration: "Int64",
	schema.Float:    "Float64",
	schema.Flag:     "Bool",
	schema.Texts:    "Array(String)",
	schema.Moneys:   "Array(Nullable(Decimal(18, 4)))",
	schema.Map:      "Map(String, String)",
}

// isNullable reports whether the column can be NULL. Texts, lists and maps are
// empty instead.
func isNullable(c schema.Column) bool {
	switch c.Type {
	case schema.Text, schema.LowText, schema.Texts, schema.Moneys, schema.Map:
		return false
	}
	return c.Nullable
}

func columnType(c schema.Column) string {
	if isNullable(c) {
		return "Nullable(" + columnTypes[c.Type] + ")"
	}
	return columnTypes[c.Type]
}

// tableColumn is a column as it stands in the table.
type tableColumn struct{ name, typ, doc string }

// tableColumns are the declared columns and those of the sink.
func tableColumns(t *schema.Table) []tableColumn {
	var out []tableColumn
	for _, c := range t.Columns {
		out = append(out, tableColumn{c.Name, columnType(c), c.Doc})
	}
	return append(out,
		tableColumn{"_block", "UInt64", "Block that brought the row: generation, run, number."},
		tableColumn{"_version", "UInt64", "State generation and revision; the highest counts."})
}

// DatabaseDDL makes the database.
func DatabaseDDL(o Options) string {
	return "CREATE DATABASE IF NOT EXISTS " + quoteName(o.Database) + onCluster(o) + " ENGINE = Atomic"
}

// DDL makes the table.
func DDL(t *schema.Table, o Options) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + tableName(o, t.Name) + onCluster(o) + "\n(\n")
	for _, c := range tableColumns(t) {
		b.WriteString("    " + quoteName(c.name) + " " + c.typ)
		if c.doc != "" {
			b.WriteString(" COMMENT " + quoteText(c.doc))
		}
		b.WriteString(",\n")
	}
	b.WriteString("    INDEX _block_minmax _block TYPE minmax GRANULARITY 1\n)\n")
	name, args := engine(t)
	if o.Replicated {
		name = "Replicated" + name
		args = append([]string{"'/clickhouse/tables/{uuid}/{shard}'", "'{replica}'"}, args...)
	}
	b.WriteString("ENGINE = " + name + "(" + strings.Join(args, ", ") + ")\n")
	if p := partitionKey(t); p != "" {
		b.WriteString("PARTITION BY " + p + "\n")
	}
	b.WriteString("ORDER BY (" + sortingKey(t) + ")\n")
	if ttl := ttlExpression(t, o.TTLMs); ttl != "" {
		b.WriteString("TTL " + ttl + "\n")
	}
	var settings []string
	if hasNullableID(t) {
		settings = append(settings, "allow_nullable_key = 1")
	}
	if !o.Replicated {
		settings = append(settings, windowSetting())
	}
	if len(settings) > 0 {
		b.WriteString("SETTINGS " + strings.Join(settings, ", ") + "\n")
	}
	b.WriteString("COMMENT " + quoteText(t.Doc))
	return b.String()
}

// windowBlocks is how many tokens of blocks a table that is not replicated
// remembers: those of two and a half hours at the pace of small blocks in a
// month, one in 0.9 s. A token is a line of some 70 bytes in a file of the
// server, which keeps up to three windows of them.
const (
	windowName   = "non_replicated_deduplication_window"
	windowBlocks = 10_000
)

func windowSetting() string { return windowName + " = " + strconv.Itoa(windowBlocks) }

// windowDDL lets a table that was made without it remember tokens of blocks.
func windowDDL(t *schema.Table, o Options) string {
	return "ALTER TABLE " + tableName(o, t.Name) + onCluster(o) + " MODIFY SETTING " + windowSetting()
}

// engine is the table engine without Replicated, and its own arguments.
func engine(t *schema.Table) (name string, args []string) {
	if len(t.ID) == 0 {
		return "MergeTree", nil
	}
	args = []string{"_version"}
	if t.Revisable && t.Deletable {
		args = append(args, "is_deleted")
	}
	return "ReplacingMergeTree", args
}

func sortingKey(t *schema.Table) string {
	var names []string
	for _, n := range t.ID {
		names = append(names, quoteName(n))
	}
	return strings.Join(names, ", ")
}

func hasNullableID(t *schema.Table) bool {
	for _, n := range t.ID {
		if isNullable(t.Columns[t.Column(n)]) {
			return true
		}
	}
	return false
}

// timeExpression is the time that partitions the table; empty if nothing does.
func timeExpression(t *schema.Table) string {
	i := t.Column(t.Partition)
	switch {
	case i < 0:
		return ""
	case t.Columns[i].Type == schema.UUID:
		return "UUIDv7ToDateTime(" + quoteName(t.Partition) + ", 'UTC')"
	}
	return quoteName(t.Partition)
}

func partitionKey(t *schema.Table) string {
	if e := timeExpression(t); e != "" {
		return "toYYYYMM(" + e + ")"
	}
	return ""
}

// ttlExpression counts from the time that partitions the table, else from its
// first time that is always there. It is empty without a TTL.
func ttlExpression(t *schema.Table, ttlMs int64) string {
	if ttlMs <= 0 {
		return ""
	}
	from := timeExpression(t)
	for i := 0; from == "" && i < len(t.Columns); i++ {
		if c := t.Columns[i]; c.Type == schema.Time && !c.Nullable {
			from = quoteName(c.Name)
		}
	}
	if from == "" {
		return ""
	}
	const secondMs, dayMs = 1000, 86_400_000
	if ttlMs%dayMs == 0 {
		return fmt.Sprintf("toDateTime(%s) + toIntervalDay(%d)", from, ttlMs/dayMs)
	}
	return fmt.Sprintf("toDateTime(%s) + toIntervalSecond(%d)", from, ttlMs/secondMs)
}

// ttlMsMax keeps sums of a time and a TTL below 2106, where ClickHouse's
// DateTime starts over and rows would be gone at once.
const ttlMsMax = 20 * 365 * 86_400_000

// CheckTTL refuses a time to live, in ms by table, that a table cannot have.
func CheckTTL(ttl map[string]int64, tables []*schema.Table) error {
	for _, t := range tables {
		ms, ok := ttl[t.Name]
		switch {
		case !ok:
		case ms < 1000 || ms > ttlMsMax:
			return fmt.Errorf("ttl.%s: %s must be from 1s to %s; leave it out to keep rows for ever",
				t.Name, config.FormatDuration(ms), config.FormatDuration(ttlMsMax))
		case ttlExpression(t, ms) == "":
			return fmt.Errorf("ttl.%s: the table has no time that is always there to count from; leave it out", t.Name)
		}
	}
	return nil
}

// ViewDDL makes or replaces the view of the current rows. Its comment ends with
// a mark of its text.
func ViewDDL(t *schema.Table, o Options) string {
	query := viewQuery(t, o)
	return "CREATE OR REPLACE VIEW " + tableName(o, viewName(t)) + onCluster(o) + " AS\n" + query +
		"\nCOMMENT " + quoteText(viewComment(t, query))
}

func viewName(t *schema.Table) string { return "v_" + t.Name }

// viewMark begins the mark in the comment of a view that this package made.
const viewMark = "touchstream:"

func viewComment(t *schema.Table, query string) string {
	h := fnv.New64a()
	h.Write([]byte(query))
	return "Current rows of " + t.Name + ". " + viewMark + strconv.FormatUint(h.Sum64(), 16)
}

func viewQuery(t *schema.Table, o Options) string {
	joins := map[string]string{} // alias by column
	if o.Overrides && t.Name != overridesName {
		for i, p := range t.Profiles {
			joins[p] = "o" + strconv.Itoa(i)
		}
	}
	final := ""
	if len(t.ID) > 0 {
		final = " FINAL"
	}
	var b strings.Builder
	b.WriteString("SELECT\n")
	for i, c := range t.Columns {
		expr := "t." + quoteName(c.Name)
		if alias := joins[c.Name]; alias != "" {
			expr = "coalesce(nullIf(" + alias + ".current_profile_id, ''), " + expr + ")"
		}
		b.WriteString("    " + expr + " AS " + quoteName(c.Name))
		if i < len(t.Columns)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("FROM " + tableName(o, t.Name) + " AS t" + final)
	for _, p := range t.Profiles {
		if alias := joins[p]; alias != "" {
			b.WriteString("\nLEFT ANY JOIN (SELECT profile_id, current_profile_id FROM " + tableName(o, overridesName) + " FINAL) AS " + alias +
				" ON t." + quoteName(p) + " = " + alias + ".profile_id")
		}
	}
	return b.String()
}

// Script makes everything for the tables, as SQL with semicolons. Options'
// TTLMs is taken from ttl, by table.
func Script(tables []*schema.Table, o Options, ttl map[string]int64) string {
	o.Overrides = hasOverrides(tables)
	statements := []string{DatabaseDDL(o)}
	for _, t := range tables {
		o.TTLMs = ttl[t.Name]
		statements = append(statements, DDL(t, o))
	}
	for _, t := range tables {
		statements = append(statements, ViewDDL(t, o))
	}
	return strings.Join(statements, ";\n\n") + ";\n"
}

func hasOverrides(tables []*schema.Table) bool {
	for _, t := range tables {
		if t.Name == overridesName {
			return true
		}
	}
	return false
}

func onCluster(o Options) string {
	if o.Cluster == "" {
		return ""
	}
	return " ON CLUSTER " + quoteText(o.Cluster)
}

func tableName(o Options, name string) string { return quoteName(o.Database) + "." + quoteName(name) }

func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}
