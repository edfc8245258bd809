package fact

import "fmt"

// Difference tells how the rows of one system stand beside those of another.
type Difference struct {
	Both     int      `json:"both"`     // rows that both have
	Missing  int      `json:"missing"`  // rows that only the first has
	Extra    int      `json:"extra"`    // rows that only the second has
	Examples []string `json:"examples"` // of either, a few
}

const examplesMax = 6

// Compare compares two sets of rows; equal rows pair off one by one.
func Compare[T comparable](want, got []T) Difference {
	left := make(map[T]int, len(want))
	for _, row := range want {
		left[row]++
	}
	var d Difference
	for _, row := range got {
		if left[row] > 0 {
			left[row]--
			d.Both++
			continue
		}
		d.Extra++
		d.example("extra", row)
	}
	for _, row := range want {
		if left[row] > 0 {
			left[row]--
			d.Missing++
			d.example("missing", row)
		}
	}
	return d
}

func (d *Difference) example(kind string, row any) {
	if len(d.Examples) < examplesMax {
		d.Examples = append(d.Examples, fmt.Sprintf("%s: %+v", kind, row))
	}
}

// Equal reports whether there are rows and all of them pair off.
func (d Difference) Equal() bool { return d.Both > 0 && d.Missing == 0 && d.Extra == 0 }

// String is "yes, N rows", or what is different.
func (d Difference) String() string {
	if d.Equal() {
		return fmt.Sprintf("yes, %d rows", d.Both)
	}
	return fmt.Sprintf("no: %d rows equal, %d missing, %d extra", d.Both, d.Missing, d.Extra)
}
