// Package text writes schema.Rows as jsonl and csv.
//
//	type           jsonl                             csv
//	text, id       "text"                            text
//	time           "2026-03-01T00:00:00.000Z"        2026-03-01T00:00:00.000Z
//	money          12.5, exact digits                12.5
//	int, duration  number                            number
//	float          number                            number
//	flag           true, false                       true, false
//	list           ["a","b"], [1.5,null]             the same JSON in one cell
//	map            {"a":"b"}                         the same JSON in one cell
//
// What is absent is null (an empty cell in csv) where the column is nullable,
// else the zero of its type; an absent text is "" and an absent id too.
// A csv file has a header, cells are quoted as in RFC 4180 and lines end in \n.
// Texts that are not UTF-8 have U+FFFD in place of each wrong byte.
package text
