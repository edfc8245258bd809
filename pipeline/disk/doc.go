// Package disk makes output files and says in one sentence, with the path and
// what to do, why one could not be written.
package disk
