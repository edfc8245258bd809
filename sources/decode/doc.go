// Package decode holds what all decoders share: a one-pass scanner of JSON that
// builds no tree, cells of csv records, and the reading of times, numbers and
// flags. Nothing here allocates on well-formed input.
//
// Rules for text, the same in every decoder:
//
//   - A byte order mark before a record is skipped. A record of blanks alone,
//     as a tombstone in Kafka, is no event and counts as skipped. A carriage return at a record's end belongs to the line break.
//   - Bytes that are not UTF-8 become U+FFFD, one for each byte; so do lone
//     surrogates written as \ud800. NUL bytes in a JSON text are control
//     characters and make it malformed, as \u0000 they are kept.
//   - A record is one JSON value: what follows it, a value that breaks off, and
//     more than DepthMax open brackets are malformed.
//   - Of equal keys in one object the last counts, with all that is below it.
//   - Numbers keep their digits until they are needed: texts get them as
//     written, money is exact to 4 places, times are cut to milliseconds.
package decode
