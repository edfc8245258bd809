package verify

import (
	"context"
	"regexp"
)

// job is what one connection does without a break.
type job struct {
	fills string // the staging table, without verify_; empty: none
	sql   string // what it reads
	do    func(ctx context.Context, c Conn) error
}

var stagingTable = regexp.MustCompile(`\bverify_(\w+)`)

// needs are, for each job, those before it that fill what it reads.
func needs(jobs []job) [][]int {
	filled := map[string]int{}
	out := make([][]int, len(jobs))
	for i, j := range jobs {
		for _, m := range stagingTable.FindAllStringSubmatch(j.sql, -1) {
			if by, ok := filled[m[1]]; ok {
				out[i] = append(out[i], by)
			}
		}
		if j.fills != "" {
			filled[j.fills] = i
		}
	}
	return out
}

// run does the jobs, one at a time on each connection: always the first that
// needs nothing that is not done. The first error ends them all.
func run(ctx context.Context, conns []Conn, jobs []job) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type end struct {
		job  int
		conn Conn
		err  error
	}
	ended := make(chan end)
	idle, needs := append([]Conn(nil), conns...), needs(jobs)
	begun, done := make([]bool, len(jobs)), make([]bool, len(jobs))
	isReady := func(i int) bool {
		for _, by := range needs[i] {
			if !done[by] {
				return false
			}
		}
		return !begun[i]
	}
	var failed error
	for {
		for i := range jobs {
			if failed == nil && len(idle) > 0 && isReady(i) {
				c := idle[0]
				idle, begun[i] = idle[1:], true
				go func() { ended <- end{i, c, jobs[i].do(ctx, c)} }()
			}
		}
		if len(idle) == len(conns) {
			return failed
		}
		e := <-ended
		idle, done[e.job] = append(idle, e.conn), true
		if e.err != nil && failed == nil {
			failed = e.err
			cancel()
		}
	}
}
