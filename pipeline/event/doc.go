// Package event holds the vocabulary of touchpoint events: the canonical
// names, the columns that every decoder fills, and Batch, the columnar form in
// which events travel from decoding to the operators.
//
// A Batch is a struct of arrays. Texts are offsets into one arena, numbers are
// 64-bit integers with Absent for "not there", money and quantities are
// integers in 1/10,000 of the unit, times are milliseconds UTC. Batches are
// reused; nothing in them may be kept beyond the call that handed them over.
package event
