package pipetest

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// Zero is the time 00:00 of a script: 2026-03-01T00:00:00Z.
const Zero int64 = 1772323200000

// Log is a script: events and instructions in the order of their arrival.
type Log struct{ entries []entry }

// entry is one line.
type entry struct {
	kind    kind
	at      int64 // event time or watermark
	name    string
	profile string // of an event; the one that goes in a merge
	current string // the one that stays in a merge
	bot     bool
	offset  int64
	fields  []field
}

type kind uint8

const (
	isEvent kind = iota
	isWatermark
	isMerge
)

type field struct{ key, val string }

// Parse reads a script.
func Parse(script string) (*Log, error) {
	l := &Log{}
	for i, line := range strings.Split(script, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		e, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		e.offset = int64(len(l.entries)) + 1
		l.entries = append(l.entries, e)
	}
	return l, nil
}

// Many makes a log of so many things, each with an event in every round: a state
// of many pages. The rounds begin 20 minutes apart; line gives what stands
// behind the time.
func Many(tb testing.TB, things, rounds int, line func(thing, round int) string) *Log {
	tb.Helper()
	var sb strings.Builder
	for round := range rounds {
		for i := range things {
			fmt.Fprintf(&sb, "%s %s\n", FormatTime(Zero+int64(round*20*60_000+i*100)), line(i, round))
		}
	}
	l, err := Parse(sb.String())
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func parseLine(line string) (entry, error) {
	words, err := split(line)
	if err != nil {
		return entry{}, err
	}
	switch {
	case words[0] == "watermark" && len(words) == 2:
		at, err := ParseTime(words[1])
		return entry{kind: isWatermark, at: at}, err
	case words[0] == "merge" && len(words) == 3:
		return entry{kind: isMerge, profile: words[1], current: words[2]}, nil
	}
	e := entry{}
	if e.at, err = ParseTime(words[0]); err != nil {
		return e, err
	}
	n := 1
	for n < len(words) && !strings.Contains(words[n], "=") {
		n++
	}
	e.name = strings.Join(words[1:n], " ")
	for _, w := range words[n:] {
		key, val, _ := strings.Cut(w, "=")
		switch key {
		case "profile":
			e.profile = val
		case "bot":
			e.bot = val == "true"
		default:
			if _, ok := event.ColumnByName(key); !ok && key != "items" && !strings.HasPrefix(key, "@") {
				return e, fmt.Errorf("field %q is no column of an event", key)
			}
			e.fields = append(e.fields, field{key, val})
		}
	}
	return e, nil
}

// split cuts a line into words; double quotes keep blanks together.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted := false
	for _, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	if word.Len() > 0 {
		words = append(words, word.String())
	}
	if quoted {
		return nil, fmt.Errorf("quote not closed: %s", line)
	}
	return words, nil
}

// ParseTime reads HH:MM[:SS[.mmm]] after Zero, or RFC 3339.
func ParseTime(s string) (int64, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UnixMilli(), nil
	}
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, fmt.Errorf("%q is no time", s)
	}
	total := 0.0
	for i, unit := range []float64{3_600_000, 60_000, 1000}[:len(parts)] {
		v, err := strconv.ParseFloat(parts[i], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time: %w", s, err)
		}
		total += v * unit
	}
	return Zero + int64(math.Round(total)), nil
}

// FormatTime is the inverse of ParseTime: HH:MM:SS after Zero, with the
// milliseconds that are not 0.
func FormatTime(ms int64) string {
	if ms == event.Absent {
		return "-"
	}
	d := ms - Zero
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	s := fmt.Sprintf("%s%02d:%02d:%02d", sign, d/3_600_000, d/60_000%60, d/1000%60)
	if d%1000 != 0 {
		s += fmt.Sprintf(".%03d", d%1000)
	}
	return s
}

// Shuffle gives the log in another order of arrival in which no event is
// further behind a later one than the given time. Logs with instructions or
// late events have an order of their own and must not be shuffled.
func (l *Log) Shuffle(seed uint64, within int64) *Log {
	r := rand.New(rand.NewPCG(seed, 1))
	type keyed struct {
		key int64
		e   entry
	}
	all := make([]keyed, len(l.entries))
	for i, e := range l.entries {
		all[i] = keyed{e.at + r.Int64N(within+1), e}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	out := &Log{}
	for _, k := range all {
		out.entries = append(out.entries, k.e)
	}
	return out
}

// Hasher is the hasher of all tests.
func Hasher() *event.Hasher { return event.NewHasher("test", []string{""}) }

// Profile is the hash of a profile's name in a script.
func Profile(name string) event.Hash {
	if name == "" {
		return event.Hash{}
	}
	return Hasher().Sum(event.TagProfile, []byte(name))
}

// profiles maps the hashes of the log's profiles, as text, to their names.
func (l *Log) profiles() map[string]string {
	names := map[string]string{}
	for _, e := range l.entries {
		for _, name := range []string{e.profile, e.current} {
			if name != "" {
				names[Profile(name).String()] = name
			}
		}
	}
	return names
}

// Batch makes one batch of all events of the log, finished as a source's
// decoder and the engine would leave it. Own and Mark are the watermark of one
// partition with the given out-of-orderness.
func (l *Log) Batch(lag int64) *event.Batch {
	want := event.Want{Columns: event.AllColumns(), Items: true, AllAttrs: true}
	b := event.NewBatch(want)
	c := &event.Chunk{Origin: event.Origin{Source: "log"}}
	own := int64(math.MinInt64)
	for _, e := range l.entries {
		switch e.kind {
		case isWatermark:
			own = max(own, e.at)
		case isEvent:
			row := b.Add()
			b.Own[row], b.Mark[row], b.Limit[row] = own, own, own
			own = max(own, e.at-lag)
			b.Record[row] = uint32(row)
			c.Recs = append(c.Recs, event.Rec{Offset: e.offset, Timestamp: e.at})
			e.fill(b, row)
		}
	}
	f := event.Finisher{Hasher: Hasher()}
	f.Finish(c, b)
	row := 0
	for _, e := range l.entries {
		if e.kind != isEvent {
			continue
		}
		b.Profile[row] = Profile(e.profile)
		if e.bot {
			b.Head[row].Flags |= event.IsBot
		}
		row++
	}
	return b
}

func (e *entry) fill(b *event.Batch, row int) {
	b.Int[event.EventTime][row] = e.at
	b.Str[event.Event][row] = b.Put([]byte(e.name))
	for _, f := range e.fields {
		if f.key == "items" {
			fillItems(b, row, f.val)
			continue
		}
		if name, ok := strings.CutPrefix(f.key, "@"); ok {
			b.AddAttr(row, b.Put([]byte(name)), b.Put([]byte(f.val)))
			continue
		}
		col, _ := event.ColumnByName(f.key)
		switch col.Kind() {
		case event.Text:
			b.Str[col][row] = b.Put([]byte(f.val))
		case event.Float:
			b.Float[col][row], _ = strconv.ParseFloat(f.val, 64)
		case event.Money:
			b.Int[col][row] = amount(f.val)
		case event.Time:
			b.Int[col][row], _ = ParseTime(f.val)
		case event.Flag:
			b.Int[col][row] = 0
			if f.val == "true" {
				b.Int[col][row] = 1
			}
		default:
			b.Int[col][row], _ = strconv.ParseInt(f.val, 10, 64)
		}
	}
}

func fillItems(b *event.Batch, row int, items string) {
	for _, text := range strings.Split(items, ",") {
		parts := strings.Split(text, ":")
		i := b.AddItem(row)
		b.Item.Str[event.ProductID][i] = b.Put([]byte(parts[0]))
		if len(parts) > 1 {
			b.Item.Int[event.Quantity][i] = amount(parts[1])
		}
		if len(parts) > 2 {
			b.Item.Int[event.Price][i] = amount(parts[2])
		}
	}
}

// amount reads a decimal; an empty or unreadable one is absent.
func amount(s string) int64 {
	v, ok := money.Parse([]byte(s), '.')
	if !ok {
		return event.Absent
	}
	return v
}
