package faulttest_test

import (
	"os"
	"strings"
	"testing"

	"touchstream/deploy/dev/faulttest"
)

// TestDamagedSnapshots damages the newest snapshot between a kill and the next
// start, which takes the one before.
func TestDamagedSnapshots(t *testing.T) {
	long(t)
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{Days: 2})
	r.Load(250)
	r.RunUntilKilled("rename.after", 3)
	for name, damage := range map[string]func(path string, content []byte) error{
		"a flipped bit at the start":  func(path string, b []byte) error { return flip(path, b, 20) },
		"a flipped bit in the middle": func(path string, b []byte) error { return flip(path, b, len(b)/2) },
		"a flipped bit at the end":    func(path string, b []byte) error { return flip(path, b, len(b)-3) },
		"half of it":                  func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/2], 0o600) },
		"nothing in it":               func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
	} {
		newest := r.Snapshots()[0]
		content, err := os.ReadFile(newest)
		must(t, err)
		must(t, damage(newest, content))
		p := r.RunUntilKilled("rename.after", 2)
		if !strings.Contains(p.Log(), "the one before is tried") {
			t.Errorf("a snapshot with %s was taken:\n%s", name, p.Log())
		}
	}

	// With none left the pipeline says so and changes nothing.
	kept := map[string][]byte{}
	for _, path := range r.Snapshots() {
		content, err := os.ReadFile(path)
		must(t, err)
		kept[path] = content
		must(t, os.WriteFile(path, content[len(content)/2:], 0o600))
	}
	p := r.Start("")
	if code, sig := p.Wait(); code == 0 || sig != 0 || !strings.Contains(p.Log(), "no usable snapshot") {
		t.Errorf("without a snapshot the pipeline ended with code %d, signal %d:\n%s", code, sig, p.Log())
	}
	for path, content := range kept {
		must(t, os.WriteFile(path, content, 0o600))
	}
	r.Finish()
	r.Check()
}

// flip writes a file again with one bit of content changed.
func flip(path string, content []byte, at int) error {
	changed := append([]byte(nil), content...)
	changed[at] ^= 4
	return os.WriteFile(path, changed, 0o600)
}
