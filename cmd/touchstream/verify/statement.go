package verify

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed *.sql
var files embed.FS

// statements are the templates of the .sql files.
var statements = template.Must(template.New("").Funcs(template.FuncMap{
	"list": list, "set": set, "numbers": numbers, "text": quote, "field": field,
	// Functions that depend on Params are set when a statement is made.
	"notBlocked": func(string) string { return "" },
}).ParseFS(files, "*.sql"))

// scope is what the templates see.
type scope struct {
	*Params
	// EventColumns are the columns of events that the tables need.
	EventColumns []string
	// Table is what one table adds.
	Table any
}

// statement fills in a template.
func (p *Params) statement(name string, table any) (string, error) {
	t, err := statements.Clone()
	if err != nil {
		return "", err
	}
	t.Funcs(template.FuncMap{"notBlocked": p.notBlocked})
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name+".sql", scope{p, p.eventColumns(), table}); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// notBlocked is the condition that a column holds an identifier.
func (p *Params) notBlocked(column string) string {
	values, zeros := []string{""}, false
	for _, v := range p.Blocked {
		if v == "0…0" {
			zeros = true
		}
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	cond := column + " NOT IN " + set(values)
	if zeros {
		cond += " AND NOT match(" + column + `, '^0[0-]+$')`
	}
	return "(" + cond + ")"
}

// Files are the sources that are read as one partition; its positions in the
// events table are (file, line).
func (p *Params) Files() []string {
	return p.sourceNames(func(s Source) bool { return s.IsFile })
}

// Sorted are the sources whose events come in time order.
func (p *Params) Sorted() []string {
	return p.sourceNames(func(s Source) bool { return s.IsSorted })
}

// SourceNames are all sources.
func (p *Params) SourceNames() []string {
	return p.sourceNames(func(Source) bool { return true })
}

func (p *Params) sourceNames(is func(Source) bool) []string {
	names := []string{}
	for _, s := range p.Sources {
		if is(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// OutOfOrderness is max_out_of_orderness of each source.
func (p *Params) OutOfOrderness() []int64 {
	var out []int64
	for _, s := range p.Sources {
		out = append(out, s.OutOfOrderness)
	}
	return out
}

// Slack is the expression of how far the allowed lateness of an event's source
// is below the largest.
func (p *Params) Slack() string {
	var out []int64
	for _, s := range p.Sources {
		out = append(out, p.Lateness-s.Lateness)
	}
	if slices.Max(append(out, 0)) == 0 {
		return "0"
	}
	return "transform(source, " + list(p.SourceNames()) + ", " + numbers(out) + ", 0)"
}

// HasOverrides reports whether profiles that merged have new names.
func (p *Params) HasOverrides() bool { return p.Has("identity_overrides") }

// HasDeadLetters reports whether late events that nobody took are known.
func (p *Params) HasDeadLetters() bool { return p.Has("dead_letters") }

// Range is the condition for events that the facts of the time in question can
// depend on.
func (p *Params) Range() string {
	if !p.isBounded() {
		return ""
	}
	before, after := p.margins()
	return fmt.Sprintf(" AND event_time >= fromUnixTimestamp64Milli(%d, 'UTC') AND event_time < fromUnixTimestamp64Milli(%d, 'UTC')", p.Since-before, p.Until+after)
}

// Unmerged are settings of large staging tables: they are read a few times and
// then gone, so that merges of their parts would be work for nothing. They are
// written in large blocks, which takes half the time in the operating system.
func (p *Params) Unmerged() string {
	return "max_bytes_to_merge_at_max_space_in_pool = 1, min_compress_block_size = 262144, max_compress_block_size = 1048576"
}

// list is an array of texts.
func list(values []string) string { return "[" + quoteAll(values) + "]" }

// set is what IN takes; it is never empty, as SQL does not allow that.
func set(values []string) string {
	if len(values) == 0 {
		return "('')"
	}
	return "(" + quoteAll(values) + ")"
}

func quoteAll(values []string) string {
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, quote(v))
	}
	return strings.Join(quoted, ", ")
}

func numbers(values []int64) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, strconv.FormatInt(v, 10))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func quote(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}

// field is the name of a column as it is written in a statement.
func field(name string) string { return "`" + strings.ReplaceAll(name, "`", "\\`") + "`" }
