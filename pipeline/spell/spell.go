// Package spell finds the known name that a misspelled one most likely means.
package spell

import "strings"

// lengthMax is the length in bytes from which on names are not compared.
const lengthMax = 64

// Nearest is the known name with the fewest edits from name, case, blanks, _
// and - apart; the first of equals. It is empty when none is near: more than
// half of the letters would have to change.
func Nearest(name string, known []string) string {
	nearest, best := "", min(len(name)/2+2, lengthMax)
	for _, k := range known {
		if d := distance(plain(name), plain(k)); d < best {
			nearest, best = k, d
		}
	}
	return nearest
}

func plain(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// distance is Damerau's and Levenshtein's: insertions, deletions, changes and
// swaps of neighbours.
func distance(a, b string) int {
	if len(a) > lengthMax || len(b) > lengthMax {
		return lengthMax
	}
	before := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(next[j-1]+1, row[j]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
