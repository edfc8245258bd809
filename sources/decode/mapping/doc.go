// Package mapping decodes flat csv and JSON records by a table from source
// fields to the fields of an event.
//
//	format: csv                  # or jsonl
//	fields:
//	  event:      {const: Order Completed}
//	  event_time: {path: ts, format: "2006-01-02 15:04:05", zone: Europe/Warsaw}
//	  price:      {path: unit_price, decimal: ","}
//	  message_id: {template: "{receipt}/{line}"}
//	where: qty != "0"
//
// A field is made in this order: the first of its paths that is there (or its
// const, or its template), json, trim, lower, map, default, and then the
// reading as a number, time or flag.
//
//   - A path names a csv column as it stands in the header, or a JSON member:
//     a.b.c for nested objects. Each leading ^ goes up one level: from an item to
//     its event, from an expanded element to its record.
//   - A blank cell, a text of blanks alone, a missing column and a JSON null are
//     absent. A template with an absent part is absent.
//   - JSON numbers and flags become texts as they are written; an object or an
//     array in the place of a value is bad_value, but an attribute keeps its JSON
//     text.
//   - map rewrites the whole text, "" in it stands for absent; without default
//     other values stay, with default they become the default.
//   - const and default are written as values of an event: times in RFC 3339,
//     amounts in major units with a decimal point.
//   - format is rfc3339 unless given. A layout without a zone is UTC, rfc3339
//     needs an offset in the text unless zone is given.
//   - A json field that is no JSON object is bad_value.
//
// expand makes one event per element of an array; where is asked per event. An
// array that is absent is missing_field, an element that is no object is
// malformed; a bad element is a fault of its own. Items that are not an array of
// objects, or hold an unreadable value, make their event bad_value.
//
// The first fault of an event counts, in the order event, event_time, then the
// fields as configured. Fields that nothing wants are not looked at.
package mapping
