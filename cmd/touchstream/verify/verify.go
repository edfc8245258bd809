package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"touchstream/pipeline/schema"
)

// Conn is one connection to ClickHouse, which keeps its current database and
// temporary tables. Rows gives values as toJSONString writes them, texts
// without quotes.
type Conn interface {
	Exec(ctx context.Context, statement string) error
	Rows(ctx context.Context, query string) ([][]string, error)
}

// EndOfTime is the watermark of a run that has come to its end.
const EndOfTime = math.MaxInt64

// Outcome is what the comparison of one table found.
type Outcome struct {
	Table string
	Facts uint64
	// Derived rows of the SQL; Equal, Differing, Missing, Extra, Doubled pairs
	// of it and the facts; those
	// left Out on both sides are not settled or not sure.
	Derived, Equal, Differing, Missing, Extra, Doubled, Out uint64
	// Repeated rows have the id and version of another one, which FINAL hides.
	Repeated    uint64
	RepeatedIDs []string
	Key         []string // of First
	First       []Difference
	Left        []string
	Why         string // it was not derived
	Took        time.Duration
}

// IsDifferent reports whether the facts are not what the events say.
func (o *Outcome) IsDifferent() bool {
	return o.Differing+o.Missing+o.Extra+o.Doubled+o.Repeated > 0
}

// Difference is one pair that is not equal.
type Difference struct {
	State   string
	Key     []string          // values of the table's Key
	Columns []string          // that differ
	Fact    map[string]string // nil: there is none
	Derived map[string]string
	Events  []string
}

// settings bound the memory of each of the two statements that run at a time.
const settings = " SETTINGS max_bytes_before_external_group_by = 3000000000, max_bytes_before_external_sort = 2000000000, join_algorithm = 'hash'"

// foldSettings are those of the statements with an arrayFold over many groups.
// It works through the rows of a block side by side, one element of each after
// the other, so its cost is that of the longest array of every block: few great
// blocks, not one for each of the 256 buckets of a two-level aggregation.
const foldSettings = settings + ", group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0"

// eventsSettings have the events written by two threads: nothing else can run
// before they are there.
const eventsSettings = settings + ", max_insert_threads = 2"

// settingsOf are the settings of the statement in the file of that name.
func settingsOf(name string) string {
	switch name {
	case "stays", "episodes":
		return foldSettings
	case "events":
		return eventsSettings
	}
	return settings
}

// Compare derives one table and compares it.
func (p *Params) Compare(ctx context.Context, s *scratch, c Conn, t *Table, show int) (*Outcome, error) {
	began := time.Now()
	out := &Outcome{Table: t.Name, Key: t.Key, Left: t.Left, Why: t.Why}
	if t.Why != "" {
		return out, nil
	}
	if err := s.fill(ctx, c, derived(t), t.SQL+settingsOf(t.Name)); err != nil {
		return nil, fmt.Errorf("deriving %s: %w", t.Name, err)
	}
	if err := s.fill(ctx, c, pairs(t), p.compareSQL(t)+settings); err != nil {
		return nil, fmt.Errorf("comparing %s: %w", t.Name, err)
	}
	if err := p.counted(ctx, c, out, "SELECT state, count(), sum(facts), sum(derived) FROM "+pairs(t)+" WHERE state IN ('equal', 'left') GROUP BY state"); err != nil {
		return nil, err
	}
	unlike, err := c.Rows(ctx, "SELECT count() FROM "+pairs(t)+" WHERE state NOT IN ('equal', 'left')")
	if err != nil {
		return nil, err
	}
	if number(unlike[0][0]) > 0 {
		if err := s.fill(ctx, c, unlikes(t), p.differencesSQL(t)+settings); err != nil {
			return nil, fmt.Errorf("comparing %s: %w", t.Name, err)
		}
		if err := p.counted(ctx, c, out, "SELECT state, count(), sum(facts), sum(derived) FROM "+unlikes(t)+" GROUP BY state"); err != nil {
			return nil, err
		}
		if out.First, err = p.differences(ctx, c, t, show); err != nil {
			return nil, err
		}
	}
	out.Took = time.Since(began)
	return out, nil
}

// counted adds up pairs by their state.
func (p *Params) counted(ctx context.Context, c Conn, out *Outcome, query string) error {
	rows, err := c.Rows(ctx, query)
	if err != nil {
		return err
	}
	for _, r := range rows {
		out.Facts, out.Derived = out.Facts+number(r[2]), out.Derived+number(r[3])
		*map[string]*uint64{"equal": &out.Equal, "differing": &out.Differing, "missing": &out.Missing, "extra": &out.Extra,
			"doubled": &out.Doubled, "left": &out.Out}[r[0]] += number(r[1])
	}
	return nil
}

// differences reads the first pairs that are not equal, with the events behind
// them.
func (p *Params) differences(ctx context.Context, c Conn, t *Table, show int) ([]Difference, error) {
	query := fmt.Sprintf("SELECT state, columns, fact, again, toJSONString(tuple(%s)) FROM %s WHERE state != 'equal' ORDER BY %s LIMIT %d", t.keys(), unlikes(t), t.keys(), show)
	rows, err := c.Rows(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for _, r := range rows {
		out = append(out, Difference{State: r[0], Columns: jsonList(r[1]), Fact: t.values(r[2]), Derived: t.values(r[3]), Key: jsonList(r[4])})
	}
	for i := range out {
		if out[i].Events, err = p.behind(ctx, c, t, out[i].Key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// eventsMax bounds the events that are shown behind a difference.
const eventsMax = 12

func (p *Params) behind(ctx context.Context, c Conn, t *Table, key []string) ([]string, error) {
	where := t.Behind
	for i, name := range t.Key {
		where = strings.ReplaceAll(where, "{"+name+"}", quote(key[i]))
	}
	query := fmt.Sprintf(`SELECT concat(toString(fromUnixTimestamp64Milli(at, 'UTC')), ' ', event, ' ', source, '/', topic_, '/', toString(partition_), '/', toString(offset_), '/', toString(element_), ' ', if(startsWith(message_order, '\0'), substring(message_order, 2), message_order))
FROM verify_events WHERE %s ORDER BY seq LIMIT %d`, where, eventsMax)
	rows, err := c.Rows(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("events behind %s: %w", t.Name, err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, r[0])
	}
	return out, nil
}

// values reads one side of a pair; nil if there is none.
func (t *Table) values(text string) map[string]string {
	list := jsonList(text)
	if list == nil {
		return nil
	}
	out := map[string]string{}
	for i, c := range t.Columns {
		out[c.Name] = list[i]
	}
	return out
}

func jsonList(text string) []string {
	var raw []json.RawMessage
	if json.Unmarshal([]byte(text), &raw) != nil {
		return nil
	}
	out := []string{}
	for _, r := range raw {
		var s string
		if json.Unmarshal(r, &s) == nil && string(r) != "null" {
			out = append(out, s)
		} else {
			out = append(out, string(r))
		}
	}
	return out
}

// Repeated looks for rows of a table that have the id and version of another
// one. Background merges of ClickHouse take such rows away.
func (p *Params) Repeated(ctx context.Context, c Conn, t *schema.Table) (rows uint64, ids []string, err error) {
	if len(t.ID) == 0 {
		return 0, nil, nil
	}
	suspects, err := c.Rows(ctx, p.suspectSQL(t))
	if err != nil || number(suspects[0][0]) == 0 {
		return 0, nil, err
	}
	found, err := c.Rows(ctx, p.doubledSQL(t))
	if err != nil {
		return 0, nil, err
	}
	return number(found[0][0]), jsonList(found[0][1]), nil
}

func number(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64) // counts of ClickHouse are numbers
	return n
}
