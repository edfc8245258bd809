package verify

import "touchstream/pipeline/schema"

// Table says how one table of facts is derived and compared.
type Table struct {
	Name string
	// SQL derives the rows, over the temporary tables verify_events and
	// verify_late.
	SQL string
	// Key pairs derived rows with facts.
	Key []string
	// Columns are compared.
	Columns []Column
	// Left names the columns that are not compared, with the reason.
	Left []string
	// Start is the column of time whose range can be asked for.
	Start string
	// Settled is when a row does not change any more without late events, an
	// expression in ms over the columns of either side.
	Settled string
	// Unsure is a condition for rows, on either side, that are left out.
	Unsure string
	// Behind is the condition for the events behind a row; a column of the key
	// in braces stands for its value as a text.
	Behind string
	// Why is set instead of all else when the table cannot be derived.
	Why string

	facts *schema.Table
}

// Column is one that is compared. Fact and Derived are expressions, the name
// if they are empty.
type Column struct {
	Name          string
	Fact, Derived string
	// Within is the relative error that is no difference where a value is over
	// From; 0: none.
	Within, From float64
	// Sure is a condition over the derived row without which the column is not
	// compared; empty: always.
	Sure string
}

// derivable are the tables of facts of the configuration that go to ClickHouse.
func (p *Params) derivable() ([]*Table, error) {
	var out []*Table
	add := func(t *Table, err error) error {
		if err != nil || t == nil {
			return err
		}
		if t.facts = p.table(t.Name); t.facts != nil {
			out = append(out, t)
		}
		return nil
	}
	if err := add(p.sessions()); err != nil {
		return nil, err
	}
	if err := add(p.ropo()); err != nil {
		return nil, err
	}
	if err := add(p.abandonments()); err != nil {
		return nil, err
	}
	if err := add(p.crowd()); err != nil {
		return nil, err
	}
	if err := add(p.flows()); err != nil {
		return nil, err
	}
	for _, c := range p.Windows {
		if err := add(p.window(c)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// named are columns that are compared as they are.
func named(names ...string) []Column {
	var out []Column
	for _, n := range names {
		out = append(out, Column{Name: n})
	}
	return out
}

// ms is the time in ms of a column of the key, in Behind.
func ms(column string) string {
	return "toUnixTimestamp64Milli(toDateTime64({" + column + "}, 3, 'UTC'))"
}
