package flat

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestLargeTablesAskForHugePages looks for the flag of the advice at a mapping:
// whether the system has a huge page to give is not ours to say.
func TestLargeTablesAskForHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		t.Skip(err)
	}
	tab := NewTable[[96]byte](0, 1)
	for i := range 200_000 {
		tab.Put(Key{uint64(i), 1})
	}
	for _, id := range []uint32{100_000, 199_999} {
		at := uintptr(unsafe.Pointer(tab.At(id)))
		if flags := mappingFlags(t, at); !strings.Contains(" "+flags+" ", " hg ") {
			t.Errorf("entry %d lies in a mapping with the flags %q, want hg", id, flags)
		}
	}
}

// mappingFlags are the VmFlags of the mapping that an address lies in.
func mappingFlags(t *testing.T, at uintptr) string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = f.Close() }()
	in, lines := false, bufio.NewScanner(f)
	for lines.Scan() {
		var from, to uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			in = from <= at && at < to
		}
		if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && in {
			return strings.TrimSpace(flags)
		}
	}
	t.Skip("the system tells no flags of mappings")
	return ""
}
