package file

import (
	"encoding/binary"
	"errors"
	"fmt"

	"touchstream/pipeline/schema"
)

// stateVersion begins each state.
const stateVersion = 1

// held is what a state says of one table: the length of its file, which is
// durable, and the lines of commits that come behind.
type held struct {
	length int64
	ready  []byte
}

var errState = errors.New("the state of the file sink cannot be read")

func appendHeld(dst []byte, table string, h held) []byte {
	dst = appendBytes(dst, []byte(table))
	dst = binary.AppendUvarint(dst, uint64(h.length))
	return appendBytes(dst, h.ready)
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// parseState reads a state of these tables. The lines refer to the state.
func parseState(state []byte, tables []*schema.Table) ([]held, error) {
	if len(state) == 0 || state[0] != stateVersion {
		return nil, errState
	}
	in := state[1:]
	out := make([]held, len(tables))
	for i, t := range tables {
		name, err := cutBytes(&in)
		if err != nil {
			return nil, err
		}
		if string(name) != t.Name {
			return nil, fmt.Errorf("%w: it has table %q where %q is expected", errState, name, t.Name)
		}
		length, err := cutNumber(&in)
		if err != nil {
			return nil, err
		}
		ready, err := cutBytes(&in)
		if err != nil {
			return nil, err
		}
		out[i] = held{length, ready}
	}
	if len(in) > 0 {
		return nil, errState
	}
	return out, nil
}

func cutNumber(in *[]byte) (int64, error) {
	v, n := binary.Uvarint(*in)
	if n <= 0 || v > 1<<62 {
		return 0, errState
	}
	*in = (*in)[n:]
	return int64(v), nil
}

func cutBytes(in *[]byte) ([]byte, error) {
	n, err := cutNumber(in)
	if err != nil || n > int64(len(*in)) {
		return nil, errState
	}
	b := (*in)[:n:n]
	*in = (*in)[n:]
	return b, nil
}

// appendLengths writes the decision of a Cut: the length of each file.
func appendLengths(dst []byte, lengths []int64) []byte {
	for _, n := range lengths {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return dst
}

func parseLengths(decision []byte, count int) ([]int64, error) {
	out := make([]int64, count)
	for i := range out {
		n, err := cutNumber(&decision)
		if err != nil {
			return nil, errors.New("the decision of the file sink cannot be read")
		}
		out[i] = n
	}
	return out, nil
}
