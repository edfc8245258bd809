// Package fact holds what all systems under bench/peers compute: the sessions
// of the people of a workload, and counts of events by name and window. Rows
// are written as lines of JSON, and two systems are equal when they made the
// same rows, in any order.
package fact
