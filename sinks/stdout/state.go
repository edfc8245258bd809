package stdout

import (
	"encoding/binary"
	"errors"
)

// stateVersion begins each state.
const stateVersion = 1

var errState = errors.New("the state of standard output cannot be read")

func appendNumber(dst []byte, n int64) []byte { return binary.AppendUvarint(dst, uint64(n)) }

func cutNumber(in *[]byte) (int64, bool) {
	v, n := binary.Uvarint(*in)
	if n <= 0 || v > 1<<62 {
		return 0, false
	}
	*in = (*in)[n:]
	return int64(v), true
}

// parseDecision gives the last commit that had been printed.
func parseDecision(decision []byte) (int64, error) {
	n, ok := cutNumber(&decision)
	if !ok {
		return 0, errors.New("the decision of standard output cannot be read")
	}
	return n, nil
}

// appendState writes what is printed and, of each commit that is not, number,
// rows and lines.
func appendState(dst []byte, printed int64, commits []commit) []byte {
	dst = appendNumber(append(dst, stateVersion), printed)
	for _, c := range commits {
		dst = appendNumber(appendNumber(dst, c.number), c.rows)
		dst = append(appendNumber(dst, int64(len(c.lines))), c.lines...)
	}
	return dst
}

func parseState(state []byte) (printed int64, commits []commit, err error) {
	if len(state) == 0 || state[0] != stateVersion {
		return 0, nil, errState
	}
	in := state[1:]
	printed, ok := cutNumber(&in)
	for ok && len(in) > 0 {
		var c commit
		var size int64
		for _, to := range []*int64{&c.number, &c.rows, &size} {
			if ok {
				*to, ok = cutNumber(&in)
			}
		}
		if ok = ok && size <= int64(len(in)); ok {
			c.lines = in[:size:size]
			in = in[size:]
			commits = append(commits, c)
		}
	}
	if !ok {
		return 0, nil, errState
	}
	return printed, commits, nil
}
