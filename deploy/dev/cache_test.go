package dev

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestInstall(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var fills atomic.Int32
	fill := func(_ context.Context, dir string) error {
		fills.Add(1)
		return os.WriteFile(filepath.Join(dir, "part"), []byte("content"), 0o644)
	}
	get := func() string {
		t.Helper()
		dir, err := install(t.Context(), "thing", io.Discard, fill)
		if err != nil {
			t.Error(err)
			return ""
		}
		if text, err := os.ReadFile(filepath.Join(dir, "part")); string(text) != "content" {
			t.Errorf("part holds %q, %v", text, err)
		}
		return dir
	}
	want := func(title string, n int32) {
		t.Helper()
		if got := fills.Load(); got != n {
			t.Errorf("%s: filled %d times, want %d", title, got, n)
		}
	}

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { get() })
	}
	wg.Wait()
	want("eight at once", 1)

	dir := get()
	want("again", 1)

	if err := os.Truncate(filepath.Join(dir, "part"), 3); err != nil {
		t.Fatal(err)
	}
	stale := dir + ".tmp-1"
	if err := os.Mkdir(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	get()
	want("after a file was cut short", 2)
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what an interrupted fetch left is still there: %v", err)
	}
}

func TestInstallFailure(t *testing.T) {
	root := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", root)
	broken := errors.New("no network")
	_, err := install(t.Context(), "thing", io.Discard, func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o644), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	left, err := filepath.Glob(filepath.Join(root, "touchstream", "thing*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || !strings.HasSuffix(left[0], ".lock") {
		t.Errorf("a failed fetch left %q, want its lock file alone", left)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", file)
	_, err := install(t.Context(), "thing", io.Discard, nil)
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "set XDG_CACHE_HOME to a folder that this user can write") {
		t.Errorf("error %v", err)
	}
	if _, err := Up(t.Context(), filepath.Join(file, "dev"), nil); err == nil || !strings.Contains(err.Error(), "set XDG_CACHE_HOME") {
		t.Errorf("up: error %v", err)
	}
}

func TestCacheDirWithoutHome(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if dir := CacheDir(); !filepath.IsAbs(dir) || !strings.HasPrefix(dir, os.TempDir()) {
		t.Errorf("got %q, want a folder under %s", dir, os.TempDir())
	}
}

func TestCheckJars(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(text string) string {
		h := sha256.Sum256([]byte(text))
		return hex.EncodeToString(h[:])
	}
	sums := map[string]string{"a.jar": sum("a"), "b.jar": sum("b")}
	check := func(title, want string) {
		t.Helper()
		err := checkJars(dir, sums)
		if want == "" && err != nil {
			t.Errorf("%s: %v", title, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want an error with %q", title, err, want)
		}
	}
	write("a.jar", "a")
	check("one is missing", "1 files fetched, 2 are pinned")
	write("b.jar", "b")
	check("all are there", "")
	write("c.jar", "c")
	check("one too many", "c.jar: not pinned")
	write("b.jar", "other")
	check("one differs", "b.jar: sha256 is "+sum("other")+", pinned is "+sum("b"))
}

func TestCheckIntegrity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The SHA-512 of "abc", from FIPS 180-2.
	const abc = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
	if err := checkIntegrity(path, abc); err != nil {
		t.Error(err)
	}
	if err := checkIntegrity(path, strings.Replace(abc, "3a", "3b", 1)); err == nil {
		t.Error("another integrity was accepted")
	}
}

func TestPins(t *testing.T) {
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/arm64", "darwin/amd64"} {
		if pin, err := pinFor(platform); err != nil || pin.pkg == "" || pin.version == "" {
			t.Errorf("%s: got %+v, %v", platform, pin, err)
		}
	}
	if pin, err := pinFor("linux/amd64"); err != nil || pin.integrity == "" || pin.size == 0 {
		t.Errorf("linux/amd64: got %+v, %v, want an integrity and a size", pin, err)
	}
	if _, err := pinFor("plan9/mips"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("plan9/mips: got %v, want %v", err, ErrUnavailable)
	}
	sums, err := kafkaSums()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := sums["kafka_2.13-"+versionKafka+".jar"]; !ok {
		t.Errorf("the broker's jar of version %s is not pinned", versionKafka)
	}
}

func TestMissingTools(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	check := func(err error, want string) {
		t.Helper()
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %v with %q", err, ErrUnavailable, want)
		}
	}
	_, err := FetchClickHouse(t.Context(), nil)
	check(err, "apt-get install npm")
	_, err = FetchKafka(t.Context(), nil)
	check(err, "apt-get install openjdk-17-jre-headless")
}
