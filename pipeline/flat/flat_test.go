package flat

import (
	"math/rand/v2"
	"testing"
)

// A program is a stream of bytes that a test turns into operations: from the
// fuzzer, or from a seeded generator.
type program struct{ b []byte }

func (p *program) more() bool { return len(p.b) > 0 }

// num takes n bytes; what the program has not is zero.
func (p *program) num(n int) uint64 {
	v := uint64(0)
	for range n {
		v <<= 8
		if len(p.b) > 0 {
			v |= uint64(p.b[0])
			p.b = p.b[1:]
		}
	}
	return v
}

func randomProgram(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// runPrograms gives f random programs of rising length.
func runPrograms(t *testing.T, f func(t *testing.T, prog []byte)) {
	t.Helper()
	for seed := range uint64(40) {
		f(t, randomProgram(seed, 20<<(seed%11)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func fuzzPrograms(f *testing.F, run func(t *testing.T, prog []byte)) {
	for seed := range uint64(8) {
		f.Add(randomProgram(seed, 16<<seed))
	}
	f.Fuzz(run)
}

// noAllocs fails the test if f, run many times, allocates.
func noAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, f); n != 0 {
		t.Errorf("%s: %v allocations, want none", what, n)
	}
}

func TestPointersAreRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NewSlab of a type with a string did not panic")
		}
	}()
	NewSlab[struct {
		a int
		b [2]struct{ s string }
	}]()
}
