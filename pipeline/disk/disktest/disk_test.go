package disktest

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"
)

// TestPowerTakesWhatIsNotSynced: contents and names, in their order, and never
// what is synced.
func TestPowerTakesWhatIsNotSynced(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(300) {
		d := New()
		p := d.Process(nil)
		f, err := p.OpenFile("/a/old.tmp", os.O_RDWR|os.O_CREATE)
		if err == nil {
			_, err = f.Write([]byte("one"))
		}
		if err = errors.Join(err, f.Sync(), p.Rename("/a/old.tmp", "/a/old"), p.SyncDir("/a")); err != nil {
			t.Fatal(err)
		}
		_, err = f.Write([]byte("two"))
		if err = errors.Join(err, p.Rename("/a/old", "/a/new")); err != nil {
			t.Fatal(err)
		}
		if other, err := d.Process(nil).Lock("/a/new"); err != nil || other == nil {
			t.Fatal(other, err)
		}
		d.Kill(p)
		if _, err := f.Write([]byte("three")); err == nil {
			t.Error("a dead process writes")
		}
		d.LosePower(rand.New(rand.NewPCG(seed, 1)))
		before, oldErr := d.ReadFile("/a/old")
		after, newErr := d.ReadFile("/a/new")
		if errors.Is(oldErr, fs.ErrNotExist) == errors.Is(newErr, fs.ErrNotExist) {
			t.Fatalf("%v, %v", oldErr, newErr)
		}
		seen[string(before)+string(after)]++
		if newErr == nil {
			seen["renamed"]++
		}
	}
	for _, want := range []string{"one", "onetwo", "onet", "one\x00\x00\x00", "renamed"} {
		if seen[want] < 10 {
			t.Errorf("%q came %d times of 300: %v", want, seen[want], seen)
		}
	}
}
