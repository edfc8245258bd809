package dev

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// upOrSkip is Up for tests. The pair is ended when the test ends.
func upOrSkip(t *testing.T, dir string) (Services, string) {
	t.Helper()
	var progress strings.Builder
	s, err := Up(t.Context(), dir, &progress)
	if errors.Is(err, ErrUnavailable) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, progress.String()
}

func TestUpAndDown(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real ClickHouse engine and Kafka broker, which -short leaves out")
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := Down(context.Background(), dir, nil); err != nil {
			t.Error(err)
		}
	})
	first, _ := upOrSkip(t, dir)
	if text, err := os.ReadFile(first.EnvFile); string(text) != first.Env() {
		t.Errorf("the env file holds %q, %v; want %q", text, err, first.Env())
	}
	exec1(t, first.ClickHouse, "CREATE TABLE default.kept (id UInt64) ENGINE = MergeTree ORDER BY id")

	again, told := upOrSkip(t, dir)
	if again != first {
		t.Errorf("the second up says %+v, the first said %+v", again, first)
	}
	if n := strings.Count(told, "already up"); n != 2 {
		t.Errorf("the second up told %q, want two parts already up", told)
	}

	rec, err := readRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(rec.ClickHouse.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitGone(t, rec.ClickHouse)
	healed, told := upOrSkip(t, dir)
	if healed != first {
		t.Errorf("after a crash of ClickHouse at %+v, before at %+v", healed, first)
	}
	if strings.Count(told, "already up") != 1 || strings.Count(told, "starting") != 1 {
		t.Errorf("after a crash of ClickHouse up told %q, want one part started", told)
	}
	exec1(t, healed.ClickHouse, "INSERT INTO default.kept VALUES (1)")

	if rec, err = readRecord(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Down(t.Context(), dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	if rec.Kafka.running() || rec.ClickHouse.running() {
		t.Error("a part runs after down")
	}
	if _, err := os.Stat(first.EnvFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the env file is still there: %v", err)
	}
}

func exec1(t *testing.T, addr, query string) {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func waitGone(t *testing.T, r partRecord) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); r.running(); {
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs", r.PID)
		}
		if err := pause(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDownLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := exec.Command("sleep", "600")
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- foreign.Wait() }()
	pid := foreign.Process.Pid
	text, err := json.Marshal(record{
		Kafka:      partRecord{PID: pid, Identity: processIdentity(os.Getpid()) + "0", Ports: []int{1, 2}},
		ClickHouse: partRecord{PID: pid},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, recordFile), text, 0o644); err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	if err := Down(t.Context(), dir, &told); err != nil {
		t.Fatal(err)
	}
	if told.String() != "nothing is up\n" {
		t.Errorf("down told %q", told.String())
	}
	select {
	case err := <-ended:
		t.Fatalf("down ended a process that got a recorded id: %v", err)
	default:
	}

	// The same process under its true identity is ended.
	rec := partRecord{PID: pid, Identity: processIdentity(pid)}
	if !rec.running() {
		t.Fatalf("process %d does not count as running", pid)
	}
	if err := endProcess(rec); err != nil {
		t.Fatal(err)
	}
	<-ended
	if rec.running() {
		t.Errorf("process %d counts as running", pid)
	}
}

func TestDownWithoutUp(t *testing.T) {
	if err := Down(t.Context(), filepath.Join(t.TempDir(), "never"), nil); err != nil {
		t.Error(err)
	}
}
