// Package core runs touchstream's pipeline inside the process over records
// that are handed over, with one operator and the file sink: decoding,
// duplicates, routing, folding and writing, without identity, Kafka and kept
// state.
package core
