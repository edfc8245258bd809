// Package filter compiles the conditions that users write: `where` over the
// fields of an event, and `where` of a mapping over the fields of a source.
//
// The language is that of expr-lang/expr. Comparisons of a column with
// constants, membership (`in`), tests of absence (`== nil`), `contains`,
// `startsWith`, `endsWith` and their combinations with `and`, `or`, `not` run
// in a vectorised evaluator over the columns of a batch. Any other part of a
// condition is compiled by the expression library and runs row by row, with an
// environment that is built from the row: texts, integers, amounts as floats,
// times as time.Time, flags as booleans, `attributes` as a map.
//
// What an expression can name: every field of an event, `profile_id` (32 hex
// digits), `source`, `is_bot` and `attributes["name"]`.
//
// Rules
//
//   - An absent value compares false with everything, also by `!=`; `x == nil`
//     tests absence. `not` inverts the outcome: `not (x == "a")` and
//     `x not in ["a"]` are true where x is absent. A blank text is an absent
//     one: `x != ""` holds where x is there, and `x == ""` of a column is a
//     fault, as it never would.
//   - Amounts, prices and quantities compare exactly with decimal constants.
//   - Times compare with RFC 3339 texts, or with a date, which is its midnight UTC.
//   - Texts order by their bytes.
//   - E-mail addresses, phone numbers and payment tokens are kept as hashes:
//     they can only be tested for absence.
//   - Comparing a column with a constant of another type is a fault at
//     compile time. An error while a row is evaluated makes the condition
//     false and is counted; an absent value in a calculation makes it false
//     without a count.
//   - Over items, the columns that an item has take the item's value; an
//     event's coupon stands in for that of an item without one.
//
// Conditions over source fields (CompileFields) know no types: a value is a
// text or missing, and in JSON also a number or a boolean.
//
//   - Fields are named as they stand: `qty`, `a.b.c` for nested JSON, `^x` for
//     the parent of an expanded element; `fields["Invoice No"]` for a name that
//     is no identifier.
//   - A blank cell is "", a missing column and JSON null are nil; `nil != "0"`
//     is true.
//   - Compared with a text, a value is its text: a JSON number 5 equals "5".
//     Compared with a number, a value that is wholly a number, in quotes or
//     not, compares by number; any other differs from every number and is
//     neither less nor greater.
//   - A field alone is true when its text is `true`.
package filter
