package dev

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrUnavailable is what errors.Is finds in the errors that say that this
// machine lacks a tool, or that a part does not exist for its platform.
var ErrUnavailable = errors.New("not available on this machine")

// unavailable is such an error; its text says what to install.
type unavailable string

func (u unavailable) Error() string        { return string(u) }
func (u unavailable) Is(target error) bool { return target == ErrUnavailable }

// marker is written last into a folder of the cache. It lists size, SHA-256
// and path of every file.
const marker = "COMPLETE"

// CacheDir is where fetched parts are kept: touchstream under the user's
// cache folder, or under the temporary folder for a user without a home.
func CacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil && filepath.IsAbs(dir) {
		return filepath.Join(dir, "touchstream")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("touchstream-%d", os.Getuid()))
}

// cacheError says what to do about a cache folder that cannot be written.
func cacheError(err error) error {
	advice := ""
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		advice = "; set XDG_CACHE_HOME to a folder that this user can write"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		advice = "; make room there, or set XDG_CACHE_HOME to a folder on another disk"
	}
	return fmt.Errorf("cache: %w%s", err, advice)
}

// install returns the folder name of the cache, after filling it if it is not
// complete. fill writes into a folder that gets its name only when all is
// there, so that no reader ever sees half of it. Processes that call install
// at once fill it once.
func install(ctx context.Context, name string, progress io.Writer, fill func(ctx context.Context, dir string) error) (string, error) {
	root := CacheDir()
	dir := filepath.Join(root, name)
	if complete(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", cacheError(err)
	}
	unlock, err := lockFile(ctx, dir+".lock", func() {
		fmt.Fprintf(progress, "%s: waiting for the process that is fetching it\n", name)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(dir) {
		return dir, nil
	}
	// What an interrupted process left is of no use to anybody.
	stale, err := filepath.Glob(dir + ".tmp-*")
	if err != nil {
		return "", cacheError(err)
	}
	for _, path := range append(stale, dir) {
		if err := os.RemoveAll(path); err != nil {
			return "", cacheError(err)
		}
	}
	tmp, err := os.MkdirTemp(root, name+".tmp-")
	if err != nil {
		return "", cacheError(err)
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return "", cacheError(err)
	}
	if err := fill(ctx, out); err != nil {
		return "", err
	}
	if err := writeMarker(out); err != nil {
		return "", cacheError(err)
	}
	if err := os.Rename(out, dir); err != nil {
		return "", cacheError(err)
	}
	return dir, nil
}

// complete tells whether dir holds every file of its marker at its size. The
// checksums were compared when the folder was filled; reading half a gigabyte
// at each start would buy nothing.
func complete(dir string) bool {
	f, err := os.Open(filepath.Join(dir, marker))
	if err != nil {
		return false
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	files := 0
	for s.Scan() {
		fields := strings.SplitN(s.Text(), " ", 3)
		if len(fields) != 3 {
			return false
		}
		size, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return false
		}
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(fields[2])))
		if err != nil || info.Size() != size {
			return false
		}
		files++
	}
	return s.Err() == nil && files > 0
}

func writeMarker(dir string) error {
	var text strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		size, sum, err := sumFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%d %s %s\n", size, sum, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), []byte(text.String()), 0o644)
}

func sumFile(path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", err
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}

// lockFile takes an exclusive lock that the kernel drops when this process
// ends, however it ends. waiting is called once if another process holds it.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, cacheError(err)
	}
	told := false
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock: %s: %w", path, err)
		}
		if !told {
			told = true
			waiting()
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock: %s is held by another process: %w", path, err)
		}
	}
}

// pause waits for d, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
