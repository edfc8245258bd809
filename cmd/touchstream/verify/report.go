package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a whole verification found.
type Report struct {
	Watermark int64
	Told      string
	Events    uint64
	Late      uint64
	Staged    time.Duration
	Outcomes  []*Outcome
	// Alone says why statements ran one after another; empty: they did not.
	Alone string
}

// Run stages the events and compares all tables, over the connection and more
// of them; it shows the first differences of each.
func (p *Params) Run(ctx context.Context, first Conn, open Open, show int) (*Report, error) {
	tables, err := p.derivable()
	if err != nil {
		return nil, err
	}
	s, err := p.openScratch(ctx, first, open)
	if err != nil {
		return nil, err
	}
	r := &Report{Watermark: p.Watermark, Told: p.Told, Alone: s.why}
	err = p.runIn(ctx, s, tables, r, show)
	return r, errors.Join(err, s.drop(open))
}

func (p *Params) runIn(ctx context.Context, s *scratch, tables []*Table, r *Report, show int) error {
	began := time.Now()
	var jobs []job
	staged := make([]time.Duration, len(p.stages()))
	for i, name := range p.stages() {
		sql, err := p.statement(name, nil)
		if err != nil {
			return err
		}
		jobs = append(jobs, job{name, sql, func(ctx context.Context, c Conn) error {
			defer func() { staged[i] = time.Since(began) }()
			return s.stage(ctx, c, name, sql)
		}})
	}
	jobs = append(jobs, job{"", "verify_events", func(ctx context.Context, c Conn) error {
		counts, err := c.Rows(ctx, "SELECT count(), countIf(is_late) FROM verify_events")
		if err == nil {
			r.Events, r.Late = number(counts[0][0]), number(counts[0][1])
		}
		return err
	}})
	r.Outcomes = make([]*Outcome, len(tables))
	for i, t := range tables {
		jobs = append(jobs, job{"", t.SQL + p.compareSQL(t) + t.Behind, func(ctx context.Context, c Conn) (err error) {
			r.Outcomes[i], err = p.Compare(ctx, s, c, t, show)
			return err
		}})
	}
	repeated := make([]Outcome, len(p.Tables))
	for i, t := range p.Tables {
		jobs = append(jobs, job{"", "", func(ctx context.Context, c Conn) (err error) {
			o := &repeated[i]
			o.Repeated, o.RepeatedIDs, err = p.Repeated(ctx, c, t)
			return err
		}})
	}
	if err := run(ctx, s.conns, jobs); err != nil {
		return err
	}
	r.Staged = slices.Max(staged)
	for i, t := range p.Tables {
		r.repeated(t.Name, &repeated[i])
	}
	return nil
}

// repeated adds the doubled rows of a table to its outcome.
func (r *Report) repeated(table string, found *Outcome) {
	i := slices.IndexFunc(r.Outcomes, func(o *Outcome) bool { return o.Table == table })
	if i < 0 && found.Repeated > 0 {
		i = len(r.Outcomes)
		r.Outcomes = append(r.Outcomes, &Outcome{Table: table, Why: "it is not derived, only searched for doubled rows"})
	}
	if i >= 0 {
		r.Outcomes[i].Repeated, r.Outcomes[i].RepeatedIDs = found.Repeated, found.RepeatedIDs
	}
}

// IsDifferent reports whether any table is.
func (r *Report) IsDifferent() bool {
	return slices.ContainsFunc(r.Outcomes, (*Outcome).IsDifferent)
}

// Write prints the counts, what was not compared, and the first differences.
func (r *Report) Write(out io.Writer) error {
	b := &strings.Builder{}
	at := "to their end"
	if r.Watermark != math.MaxInt64 {
		at = "up to " + timeText(r.Watermark)
	}
	fmt.Fprintf(b, "%d events, %d of them late, read in %s; facts settled %s (%s)\n\n", r.Events, r.Late, r.Staged.Round(time.Millisecond), at, r.Told)
	w := tabwriter.NewWriter(b, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "table\tfacts\tderived\tequal\tdiffering\tmissing\textra\tdoubled\tleft out\tseconds\t")
	for _, o := range r.Outcomes {
		if o.Why == "" {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\t\n", o.Table, o.Facts, o.Derived, o.Equal, o.Differing, o.Missing, o.Extra,
				o.Doubled+o.Repeated, o.Out, o.Took.Seconds())
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	r.notes(b)
	for _, o := range r.Outcomes {
		o.differences(b)
	}
	if r.IsDifferent() {
		fmt.Fprintln(b, "\nThe facts are not what the events say.")
	} else {
		fmt.Fprintln(b, "\nThe facts are what the events say.")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Report) notes(b *strings.Builder) {
	if r.Alone != "" {
		fmt.Fprintf(b, "\none statement at a time, in temporary tables: %s", r.Alone)
	}
	for _, o := range r.Outcomes {
		if o.Why != "" {
			fmt.Fprintf(b, "\n%s is not compared: %s", o.Table, o.Why)
		}
		for _, l := range o.Left {
			fmt.Fprintf(b, "\nnot compared: %s.%s", o.Table, l)
		}
	}
	b.WriteByte('\n')
}

func (o *Outcome) differences(b *strings.Builder) {
	if o.Repeated > 0 {
		fmt.Fprintf(b, "\n%s: %d doubled rows, which FINAL hides: the table has them with the same id and _version, such as %s\n",
			o.Table, o.Repeated, strings.Join(o.RepeatedIDs, " "))
	}
	for i := range o.First {
		d := &o.First[i]
		fmt.Fprintf(b, "\n%s %s: %s\n", o.Table, d.State, o.keyText(d.Key))
		columns := d.Columns
		for _, c := range columns {
			fmt.Fprintf(b, "  %s: fact %s, derived %s\n", c, d.Fact[c], d.Derived[c])
		}
		if d.State != "differing" {
			side, name := d.Fact, "fact"
			if side == nil {
				side, name = d.Derived, "derived"
			}
			fmt.Fprintf(b, "  %s: %s\n", name, rowText(side))
		}
		for _, e := range d.Events {
			fmt.Fprintf(b, "  event %s\n", e)
		}
	}
}

func (o *Outcome) keyText(values []string) string {
	var parts []string
	for i, v := range values {
		parts = append(parts, o.Key[i]+"="+v)
	}
	return strings.Join(parts, ", ")
}

func rowText(row map[string]string) string {
	var parts []string
	for k, v := range row {
		if v != "" && v != "null" {
			parts = append(parts, k+"="+v)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func timeText(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// Script prints the statements as they would run, for a ClickHouse client.
func (p *Params) Script(out io.Writer) error {
	tables, err := p.derivable()
	if err != nil {
		return err
	}
	for _, name := range p.stages() {
		sql, err := p.statement(name, nil)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s;\n\n", sql); err != nil {
			return err
		}
	}
	for _, t := range tables {
		text := t.SQL
		if t.Why != "" {
			text = "-- " + t.Name + " is not compared: " + t.Why
		}
		if _, err := fmt.Fprintf(out, "-- %s\n%s;\n\n", t.Name, text); err != nil {
			return err
		}
	}
	return nil
}
