// Package naive computes sessions and windows the way that a good engineer
// writes it in an afternoon: encoding/json, Go maps and a ticker that looks for
// what has ended. It is exact on the workload and keeps nothing: no duplicates
// are dropped, no state is kept, one goroutine does everything.
package naive
