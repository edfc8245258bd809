package stdout

import (
	"fmt"

	"touchstream/pipeline/codec"
)

// stateVersion begins each state.
const stateVersion = 1

// appendDecision writes which commit is the last that is printed.
func appendDecision(dst []byte, printed int64) []byte { return codec.AppendUint(dst, int(printed)) }

func parseDecision(decision []byte) (printed int64, err error) {
	in := codec.NewReader(decision)
	printed = int64(in.Number())
	if err := in.End(); err != nil {
		return 0, fmt.Errorf("the decision of standard output cannot be read: %w", err)
	}
	return printed, nil
}

// appendState writes what is printed and, of each commit that is not, number,
// rows and lines.
func appendState(dst []byte, printed int64, commits []commit) []byte {
	dst = codec.AppendUint(append(dst, stateVersion), int(printed))
	dst = codec.AppendUint(dst, len(commits))
	for _, c := range commits {
		dst = codec.AppendUint(codec.AppendUint(dst, int(c.number)), int(c.rows))
		dst = append(codec.AppendUint(dst, len(c.lines)), c.lines...)
	}
	return dst
}

// parseState reads a state. The lines refer to it.
func parseState(state []byte) (printed int64, commits []commit, err error) {
	in := codec.NewReader(state)
	if version := in.Number(); version != stateVersion {
		in.Fail("its version is %d and %d is expected", version, stateVersion)
	}
	printed = int64(in.Number())
	for n := in.Count(1); n > 0 && in.Err() == nil; n-- {
		c := commit{number: int64(in.Number()), rows: int64(in.Number())}
		c.lines = in.Bytes(in.Count(1))
		commits = append(commits, c)
	}
	if err := in.End(); err != nil {
		return 0, nil, fmt.Errorf("the state of standard output cannot be read: %w", err)
	}
	return printed, commits, nil
}
