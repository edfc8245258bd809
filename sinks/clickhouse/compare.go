package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"touchstream/pipeline/schema"
)

// existingTable is a table or view as the server tells it.
type existingTable struct {
	engine, engineFull       string
	partitionKey, sortingKey string
	comment                  string
	columns                  map[string]string // type by name
	defaults                 map[string]bool   // names of columns with an expression
}

func (e *existingTable) isMarked() bool { return strings.Contains(e.comment, viewMark) }

// isReplicated reports whether Keeper holds the list of the table's parts.
func (e *existingTable) isReplicated() bool {
	return strings.HasPrefix(e.engine, "Replicated") || strings.HasPrefix(e.engine, "Shared")
}

// existing reads all tables and views of the database.
func (c *creator) existing(ctx context.Context) (map[string]*existingTable, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	out := map[string]*existingTable{}
	rows, err := c.conn.Query(ctx, "SELECT name, engine, engine_full, partition_key, sorting_key, comment FROM system.tables WHERE database = ?", c.cfg.Database)
	if err != nil {
		return nil, explain(c.cfg, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		e := &existingTable{columns: map[string]string{}, defaults: map[string]bool{}}
		if err := rows.Scan(&name, &e.engine, &e.engineFull, &e.partitionKey, &e.sortingKey, &e.comment); err != nil {
			return nil, explain(c.cfg, err)
		}
		out[name] = e
	}
	if err := rows.Err(); err != nil {
		return nil, explain(c.cfg, err)
	}
	columns, err := c.conn.Query(ctx, "SELECT table, name, type, default_kind FROM system.columns WHERE database = ?", c.cfg.Database)
	if err != nil {
		return nil, explain(c.cfg, err)
	}
	defer columns.Close()
	for columns.Next() {
		var table, name, typ, kind string
		if err := columns.Scan(&table, &name, &typ, &kind); err != nil {
			return nil, explain(c.cfg, err)
		}
		if e := out[table]; e != nil {
			e.columns[name], e.defaults[name] = typ, kind != ""
		}
	}
	if err := columns.Err(); err != nil {
		return nil, explain(c.cfg, err)
	}
	return out, nil
}

// compare reports every difference of every table in one error.
func (c *creator) compare(there map[string]*existingTable) error {
	var found []string
	for _, t := range c.tables {
		e := there[t.Name]
		if e == nil {
			found = append(found, t.Name+": it was made and is not to be seen; grant SHOW COLUMNS and SELECT on it")
			continue
		}
		for _, d := range e.differences(t, c.cfg.TTLMs[t.Name]) {
			found = append(found, t.Name+d)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("tables of database %s are not as they should be, and are left as they are; change or rename them, or choose another database:\n  %s",
		c.cfg.Database, strings.Join(found, "\n  "))
}

// differences tells what is not as declared. Further columns are the user's.
func (e *existingTable) differences(t *schema.Table, ttlMs int64) []string {
	var out []string
	add := func(what, is, want string) {
		if is != want {
			out = append(out, fmt.Sprintf("%s is %s, must be %s", what, orNone(is), orNone(want)))
		}
	}
	for _, c := range tableColumns(t) {
		typ, ok := e.columns[c.name]
		if !ok {
			out = append(out, fmt.Sprintf(".%s is missing, must be %s", c.name, c.typ))
			continue
		}
		add("."+c.name, typ, c.typ)
	}
	engineName, args := engine(t)
	if is := strings.TrimPrefix(strings.TrimPrefix(e.engine, "Replicated"), "Shared"); is != engineName {
		add(": engine", e.engine, engineName)
		return out
	}
	if is := e.ownArgs(); is != strings.Join(args, ", ") {
		add(": engine", engineName+"("+is+")", engineName+"("+strings.Join(args, ", ")+")")
	}
	add(": partition key", plainKey(e.partitionKey), plainKey(partitionKey(t)))
	add(": sorting key", plainKey(e.sortingKey), plainKey(sortingKey(t)))
	add(": TTL", e.ttl(), plainKey(ttlExpression(t, ttlMs)))
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// ownArgs are the arguments of the engine that do not belong to replication.
func (e *existingTable) ownArgs() string {
	_, args, ok := strings.Cut(e.engineFull, "(")
	if !ok || !strings.HasPrefix(e.engineFull, e.engine+"(") {
		return ""
	}
	args, _, _ = strings.Cut(args, ")")
	var own []string
	for _, a := range strings.Split(args, ",") {
		if a = strings.TrimSpace(a); a != "" && !strings.HasPrefix(a, "'") {
			own = append(own, a)
		}
	}
	return strings.Join(own, ", ")
}

// ttl is the table's TTL as engine_full tells it.
func (e *existingTable) ttl() string {
	_, ttl, ok := strings.Cut(e.engineFull, " TTL ")
	if !ok {
		return ""
	}
	ttl, _, _ = strings.Cut(ttl, " SETTINGS ")
	return plainKey(ttl)
}

// remembersBlocks reports whether the table takes a block with the same token
// once.
func (e *existingTable) remembersBlocks() bool {
	_, window, ok := strings.Cut(e.engineFull, windowName+" = ")
	return e.isReplicated() || ok && !strings.HasPrefix(window, "0")
}

// plainKey is an expression without what servers write in different ways:
// quotes of names, blanks in a row, brackets around a list of names.
func plainKey(s string) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "`", "")), " ")
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") && strings.Count(s, "(") == 1 {
		s = s[1 : len(s)-1]
	}
	return s
}
