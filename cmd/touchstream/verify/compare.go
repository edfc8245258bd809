package verify

import (
	"fmt"
	"strings"

	"touchstream/pipeline/schema"
)

// kinds are the types to which both sides are brought.
var kinds = [...]string{
	schema.Text: "String", schema.LowText: "String", schema.UUID: "String", schema.Time: "DateTime64(3, 'UTC')",
	schema.Money: "Decimal(18, 4)", schema.Int: "Int64", schema.Duration: "Int64", schema.Float: "Float64", schema.Flag: "Bool",
	schema.Texts: "Array(String)",
}

const (
	factSide    = 1
	derivedSide = 2
)

// compareSQL pairs the derived rows with the facts by hashes of the columns that
// are compared. Each row of its result is one pair: the key, how many facts and
// derived rows it has, and its state (equal, missing, extra, doubled, left, and
// differing, of which the columns have to be compared).
func (p *Params) compareSQL(t *Table) string {
	return fmt.Sprintf(`SELECT %[1]s, facts, derived,
    multiIf(settled > %[2]d OR unsure, 'left', facts = 0, 'missing', derived = 0, 'extra', facts > 1 OR derived > 1, 'doubled', is_equal, 'equal', 'differing') AS state
FROM
(
    SELECT %[1]s, countIf(side = 1) AS facts, countIf(side = 2) AS derived, min(hash) = max(hash) AS is_equal,
        if(derived > 0, maxIf(settled, side = 2), max(settled)) AS settled, max(unsure) AS unsure
    FROM
    (
%[3]s
    UNION ALL
%[4]s
    )
    GROUP BY %[1]s
)`, t.keys(), p.Watermark, p.side(t, factSide, "cityHash64(%s) AS hash"), p.side(t, derivedSide, "cityHash64(%s) AS hash"))
}

// differencesSQL compares the columns of the pairs that are not equal by their
// hashes. Each row of its result is one pair: the key, how many facts and
// derived rows it has, its state, the columns that differ, and both sides as
// JSON lists in the order of the columns.
func (p *Params) differencesSQL(t *Table) string {
	var differ []string
	sure := len(t.Columns)
	for i, c := range t.Columns {
		condition := t.differs(c, i+1)
		if c.Sure != "" {
			sure++
			condition = fmt.Sprintf("d.%d AND (%s)", sure, condition)
		}
		differ = append(differ, fmt.Sprintf("if(%s, %s, '')", condition, quote(c.Name)))
	}
	return fmt.Sprintf(`SELECT %[1]s, facts, derived,
    multiIf(facts = 0, 'missing', derived = 0, 'extra', facts > 1 OR derived > 1, 'doubled', notEmpty(columns), 'differing', 'equal') AS state,
    if(facts > 0 AND derived > 0, arrayFilter(c -> c != '', [%[2]s]), []) AS columns,
    if(state = 'equal' OR facts = 0, '', toJSONString(f)) AS fact,
    if(state = 'equal' OR derived = 0, '', toJSONString(d)) AS again
FROM
(
    SELECT %[1]s, countIf(side = 1) AS facts, countIf(side = 2) AS derived, anyIf(row, side = 1) AS f, anyIf(row, side = 2) AS d
    FROM
    (
%[3]s
    UNION ALL
%[4]s
    )
    WHERE (%[1]s) IN (SELECT %[1]s FROM %[5]s WHERE state NOT IN ('equal', 'left'))
    GROUP BY %[1]s
)`, t.keys(), strings.Join(differ, ", "), p.side(t, factSide, "%s AS row"), p.side(t, derivedSide, "%s AS row"), pairs(t))
}

// side reads the facts or the derived rows; what is made of the tuple of their
// columns.
func (p *Params) side(t *Table, number int, what string) string {
	from := derived(t)
	if number == factSide {
		from = field(p.Database) + "." + field("v_"+t.Name)
	}
	var b strings.Builder
	b.WriteString("    SELECT ")
	for _, k := range t.Key {
		fmt.Fprintf(&b, "CAST(t.%s AS %s) AS %s, ", field(k), t.kind(k), field(k))
	}
	var values []string
	for _, c := range t.Columns {
		expr := c.Derived
		if number == factSide {
			expr = c.Fact
		}
		values = append(values, fmt.Sprintf("CAST(%s AS %s)", orName(expr, c.Name), t.kind(c.Name)))
	}
	for _, c := range t.Columns {
		if c.Sure != "" && number == derivedSide {
			values = append(values, "toBool("+c.Sure+")")
		} else if c.Sure != "" {
			values = append(values, "true")
		}
	}
	fmt.Fprintf(&b, what, "tuple("+strings.Join(values, ", ")+")")
	fmt.Fprintf(&b, ", %s AS settled, %s AS unsure, %d AS side\n    FROM %s AS t", t.Settled, orFalse(t.Unsure), number, from)
	if p.isBounded() {
		fmt.Fprintf(&b, "\n    WHERE t.%s >= fromUnixTimestamp64Milli(%d, 'UTC') AND t.%s < fromUnixTimestamp64Milli(%d, 'UTC')",
			field(t.Start), p.Since, field(t.Start), p.Until)
	}
	return b.String()
}

func orFalse(condition string) string {
	if condition == "" {
		return "false"
	}
	return condition
}

// keys are the columns of the key as a list.
func (t *Table) keys() string {
	var keys []string
	for _, k := range t.Key {
		keys = append(keys, field(k))
	}
	return strings.Join(keys, ", ")
}

func orName(expr, name string) string {
	if expr == "" {
		return "t." + field(name)
	}
	return expr
}

// derived, pairs and unlikes name the staging tables of a table's derived rows,
// of their pairs with the facts, and of those pairs that are not equal.
func derived(t *Table) string { return field("verify_" + t.Name) }

func pairs(t *Table) string { return field("verify_pairs_" + t.Name) }

func unlikes(t *Table) string { return field("verify_differences_" + t.Name) }

// kind is the type of a column of the facts, with what stands for absence.
func (t *Table) kind(column string) string {
	c := t.facts.Columns[t.facts.Column(column)]
	k := kinds[c.Type]
	if column == "session_id" {
		k = kinds[schema.Time]
	}
	if c.Nullable && c.Type != schema.Text && c.Type != schema.LowText && c.Type != schema.Texts {
		return "Nullable(" + k + ")"
	}
	return k
}

// differs is the condition that a column differs between f and d.
func (t *Table) differs(c Column, place int) string {
	f, d := fmt.Sprintf("f.%d", place), fmt.Sprintf("d.%d", place)
	ne := f + " != " + d
	if c.Within > 0 {
		ne = fmt.Sprintf("abs(%[1]s - %[2]s) > if(greatest(abs(%[1]s), abs(%[2]s)) > %[3]v, %[4]v, 0) * greatest(abs(%[1]s), abs(%[2]s)) + 1e-9", f, d, c.From, c.Within)
	}
	if strings.HasPrefix(t.kind(c.Name), "Nullable") {
		return fmt.Sprintf("ifNull(%s, isNull(%s) != isNull(%s))", ne, f, d)
	}
	return ne
}

// doubledSQL counts rows of a table that have the id and version of another
// one, which its view hides, and shows the first of them.
func (p *Params) doubledSQL(t *schema.Table) string {
	var ids []string
	for _, id := range t.ID {
		ids = append(ids, field(id))
	}
	key := strings.Join(ids, ", ")
	return fmt.Sprintf("SELECT toUInt64(sum(rows - 1)) AS more, groupArray(3)(id)\nFROM (SELECT toJSONString(tuple(%[1]s)) AS id, count() AS rows FROM %[2]s.%[3]s GROUP BY %[1]s, _version HAVING rows > 1)",
		key, field(p.Database), field(t.Name))
}

// suspectSQL is a quick test whether doubledSQL can find anything.
func (p *Params) suspectSQL(t *schema.Table) string {
	var ids []string
	for _, id := range t.ID {
		ids = append(ids, field(id))
	}
	return fmt.Sprintf("SELECT count() - uniqExact(cityHash64(%s, _version)) FROM %s.%s", strings.Join(ids, ", "), field(p.Database), field(t.Name))
}
