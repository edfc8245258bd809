package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// writerVariable is set for a copy of this program that writes entries until it
// is killed.
const writerVariable = "TOUCHSTREAM_JOURNAL_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever commits entries and prints the number of each that is durable.
func writeForever(dir string) error {
	f, err := Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := f.Open(ctx, nil); err != nil {
		return err
	}
	for number := int64(1); ; number++ {
		if err := f.Commit(ctx, number, []byte(strings.Repeat(fmt.Sprint(number, " "), 1000))); err != nil {
			return err
		}
		fmt.Println(number)
	}
}

// TestTakeOverFromAKilledProcess: what another process has said is durable is
// there, and its lock is gone with it.
func TestTakeOverFromAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), writerVariable+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	last, in := int64(0), bufio.NewScanner(out)
	for last < 20 && in.Scan() {
		last, _ = strconv.ParseInt(in.Text(), 10, 64)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	killed := make(chan error, 1)
	err = f.Open(t.Context(), func() {
		killed <- c.Process.Kill()
		for in.Scan() {
			if n, err := strconv.ParseInt(in.Text(), 10, 64); err == nil {
				last = n
			}
		}
		_ = c.Wait() // killed
	})
	if err != nil || <-killed != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := int64(0)
	damage, err := f.Read(t.Context(), 1, func(number int64, entry []byte) error {
		if n++; number != n || string(entry) != strings.Repeat(fmt.Sprint(n, " "), 1000) {
			t.Errorf("entry %d is %.20s", number, entry)
		}
		return nil
	})
	if err != nil || n < last || last < 20 {
		t.Errorf("%d entries of %d, %v", n, last, err)
	}
	t.Log(n, last, damage)
	commit(t, f, n+1, "goes on")
}
