package pipetest

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/pipeline/schema"
)

// Result is what an operator left.
type Result struct {
	tables []*schema.Table
	rows   []emitted
	// Count sums the counters of all steps and shards.
	Count pipeline.Counts
	// Entries is the state that is left in all shards.
	Entries int
	// Shards are the shards as the run has left them.
	Shards []pipeline.Shard
}

// emitted is one row as text, column by column.
type emitted struct {
	table *schema.Table
	vals  []string
	step  int64
}

func (e *emitted) get(column string) string { return e.vals[e.table.Column(column)] }

// collect takes the rows of the step, as text, and empties the turn.
func (s *shard) collect(r *runner) {
	for i := range r.spec.Tables {
		s.out = r.appendRows(s.out, s.turn.Out(i))
	}
	s.out = r.appendRows(s.out, s.turn.TriggerRows())
	c := s.turn.Count
	s.turn.Reset()
	s.turn.Count = c
}

func (r *runner) result(tb testing.TB) *Result {
	tb.Helper()
	res := &Result{tables: append(slices.Clone(r.spec.Tables), pipeline.Triggers)}
	for _, s := range r.shards {
		res.rows = append(res.rows, s.out...)
		res.Entries += s.Entries()
		res.Shards = append(res.Shards, s.Shard)
		c := s.turn.Count
		res.Count.Evicted += c.Evicted
		res.Count.Revisions += c.Revisions
		res.Count.Unknown += c.Unknown
		res.Count.Ignored += c.Ignored
		res.Count.Late += c.Late
	}
	slices.SortStableFunc(res.rows, func(x, y emitted) int { return cmp.Compare(x.step, y.step) })
	if !r.loose {
		res.checkRevisions(tb)
	}
	return res
}

// checkRevisions fails the test when the revisions of a fact do not rise from
// 1 one by one (where something was evicted: do not rise), or when an id of a
// table that only grows comes twice.
func (r *Result) checkRevisions(tb testing.TB) {
	tb.Helper()
	last := map[string]int{}
	for i := range r.rows {
		e := &r.rows[i]
		if len(e.table.ID) == 0 {
			continue
		}
		id := e.id()
		if !e.table.Revisable {
			if last[id]++; last[id] > 1 {
				tb.Errorf("%s comes twice", id)
			}
			continue
		}
		rev, _ := strconv.Atoi(e.get("revision"))
		if rev != last[id]+1 && (r.Count.Evicted == 0 || rev <= last[id]) {
			tb.Errorf("%s: revision %d after %d", id, rev, last[id])
		}
		last[id] = rev
	}
}

// same fails the test when the other result differs: a row, its place, the step
// in which it left, a counter or the number of entries left.
func (r *Result) same(tb testing.TB, other *Result, how string) {
	tb.Helper()
	if r.Count != other.Count || r.Entries != other.Entries {
		tb.Errorf("%s: %+v and %d entries, not %+v and %d", how, other.Count, other.Entries, r.Count, r.Entries)
	}
	for i := range min(len(r.rows), len(other.rows)) {
		got, want := &other.rows[i], &r.rows[i]
		if got.table != want.table || got.step != want.step || !slices.Equal(got.vals, want.vals) {
			tb.Fatalf("%s: row %d leaves in step %d as\n%s\nnot in step %d as\n%s", how, i, got.step, got.line(nil), want.step, want.line(nil))
		}
	}
	if len(other.rows) != len(r.rows) {
		tb.Fatalf("%s: %d rows, not %d", how, len(other.rows), len(r.rows))
	}
}

func (e *emitted) id() string {
	parts := []string{e.table.Name}
	for _, c := range e.table.ID {
		parts = append(parts, e.get(c))
	}
	return strings.Join(parts, " ")
}

// Emitted lists all rows, revisions and tombstones included, table by table in
// the order in which they left, step by step and shard by shard.
func (r *Result) Emitted(omit ...string) string {
	var lines []string
	for _, table := range r.tables {
		for i := range r.rows {
			if r.rows[i].table == table {
				lines = append(lines, r.rows[i].line(omit))
			}
		}
	}
	return join(lines)
}

// Final lists the rows that count in the end, without revision and sorted: of
// each fact the highest revision unless it is a tombstone, and all rows of
// tables that only grow.
func (r *Result) Final(omit ...string) string {
	omit = append(omit, "revision")
	last := map[string]int{}
	for i := range r.rows {
		if r.rows[i].table.Revisable {
			last[r.rows[i].id()] = i
		}
	}
	var lines []string
	for i := range r.rows {
		e := &r.rows[i]
		if e.table.Revisable && last[e.id()] != i {
			continue
		}
		if e.table.Deletable && e.get("is_deleted") == "true" {
			continue
		}
		lines = append(lines, e.line(omit))
	}
	slices.Sort(lines)
	return join(lines)
}

func join(lines []string) string {
	if len(lines) == 0 {
		return "(none)\n"
	}
	return strings.Join(lines, "\n") + "\n"
}

// line writes the row as "table: column=value …" without what is absent, 0 or false.
func (e *emitted) line(omit []string) string {
	var sb strings.Builder
	sb.WriteString(e.table.Name + ":")
	for i, c := range e.table.Columns {
		v := e.vals[i]
		if slices.Contains(omit, c.Name) || v == "" || v == "-" || !c.Nullable && (v == "0" || v == "false") {
			continue
		}
		if strings.Contains(v, " ") && c.Type != schema.Map {
			v = strconv.Quote(v)
		}
		sb.WriteString(" " + c.Name + "=" + v)
	}
	return sb.String()
}

func (r *runner) appendRows(dst []emitted, rows *schema.Rows) []emitted {
	for i := range rows.N {
		e := emitted{table: rows.Table, step: r.steps}
		for c := range rows.Table.Columns {
			e.vals = append(e.vals, r.text(rows, c, i))
		}
		dst = append(dst, e)
	}
	return dst
}

// text gives one value; profile ids are shown by their names in the script.
func (r *runner) text(rows *schema.Rows, c, i int) string {
	d := &rows.Cols[c]
	switch rows.Table.Columns[c].Type {
	case schema.Text, schema.LowText:
		return r.named(string(rows.Bytes(d.Str[i])))
	case schema.UUID:
		h := hex.EncodeToString(rows.Bytes(d.Str[i]))
		if h == "" {
			return ""
		}
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	case schema.Time:
		return FormatTime(d.I64[i])
	case schema.Money:
		return moneyText(d.I64[i])
	case schema.Float:
		if math.IsNaN(d.F64[i]) {
			return "-"
		}
		return strconv.FormatFloat(d.F64[i], 'g', 10, 64)
	case schema.Flag:
		if d.I64[i] == event.Absent {
			return "-"
		}
		return strconv.FormatBool(d.I64[i] == 1)
	case schema.Texts, schema.Moneys, schema.Map:
		return r.listText(rows, c, i)
	}
	if d.I64[i] == event.Absent {
		return "-"
	}
	return strconv.FormatInt(d.I64[i], 10)
}

func (r *runner) listText(rows *schema.Rows, c, i int) string {
	d := &rows.Cols[c]
	from, to := d.Range(i)
	var parts []string
	for k := from; k < to; k++ {
		switch rows.Table.Columns[c].Type {
		case schema.Moneys:
			parts = append(parts, moneyText(d.I64[k]))
		case schema.Map:
			if (k-from)%2 == 0 {
				parts = append(parts, fmt.Sprintf("%s:%s", rows.Bytes(d.Str[k]), rows.Bytes(d.Str[k+1])))
			}
		default:
			parts = append(parts, r.named(string(rows.Bytes(d.Str[k]))))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func moneyText(v int64) string {
	if v == event.Absent {
		return "-"
	}
	return string(money.Append(nil, v))
}

func (r *runner) named(s string) string {
	if name, ok := r.profile[s]; ok {
		return name
	}
	return s
}

// Text lists rows that a test made itself as Final does; profiles have the
// names of the log.
func Text(l *Log, rows *schema.Rows, omit ...string) string {
	r := &runner{profile: l.profiles()}
	var lines []string
	for _, e := range r.appendRows(nil, rows) {
		lines = append(lines, e.line(append(omit, "revision")))
	}
	slices.Sort(lines)
	return join(lines)
}

// Diff lists the lines that only one of two sorted texts has.
func Diff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	var out []string
	for _, l := range g {
		if !slices.Contains(w, l) {
			out = append(out, "got:  "+l)
		}
	}
	for _, l := range w {
		if !slices.Contains(g, l) {
			out = append(out, "want: "+l)
		}
	}
	return strings.Join(out, "\n")
}
