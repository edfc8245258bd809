package file

import (
	"fmt"

	"touchstream/pipeline/codec"
)

// stateVersion begins each state.
const stateVersion = 2

// held is what a state says of one table: the length of its file, which is
// durable, and the lines of commits that come behind.
type held struct {
	length int64
	ready  []byte
}

func appendHeld(dst []byte, table string, h held) []byte {
	dst = codec.AppendUint(codec.AppendText(dst, table), int(h.length))
	return append(codec.AppendUint(dst, len(h.ready)), h.ready...)
}

// parseState reads a state, by table. The lines refer to the state.
func parseState(state []byte) (map[string]held, error) {
	in := codec.NewReader(state)
	if version := in.Number(); version != stateVersion {
		in.Fail("its version is %d and %d is expected", version, stateVersion)
	}
	out := map[string]held{}
	for n := in.Count(1); n > 0 && in.Err() == nil; n-- {
		name := in.Text()
		out[name] = held{int64(in.Number()), in.Bytes(in.Count(1))}
	}
	if err := in.End(); err != nil {
		return nil, fmt.Errorf("the state of the file sink cannot be read: %w", err)
	}
	return out, nil
}

// appendLengths writes the decision of a Cut: the length of each file.
func appendLengths(dst []byte, lengths []int64) []byte {
	for _, n := range lengths {
		dst = codec.AppendUint(dst, int(n))
	}
	return dst
}

func parseLengths(decision []byte, count int) ([]int64, error) {
	in := codec.NewReader(decision)
	out := make([]int64, count)
	for i := range out {
		out[i] = int64(in.Number())
	}
	if err := in.End(); err != nil {
		return nil, fmt.Errorf("the decision of the file sink cannot be read: %w", err)
	}
	return out, nil
}
