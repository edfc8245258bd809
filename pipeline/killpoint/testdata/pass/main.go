// Command pass passes a place five times and tells of each time.
package main

import (
	"fmt"

	"touchstream/pipeline/killpoint"
)

func main() {
	for i := range 5 {
		killpoint.Pass(killpoint.JournalBefore)
		fmt.Println(i + 1)
	}
}
