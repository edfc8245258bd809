package dev

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// engineLibrary is the library's name in the npm packages and in the cache.
const engineLibrary = "libchdb.so"

// checkIntegrity compares a file with an integrity in npm's form.
func checkIntegrity(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha512.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("integrity is %s, pinned is %s", got, want)
	}
	return nil
}

// checkJars compares the folder with the pinned checksums: each pinned file
// must be there, unchanged, and no other.
func checkJars(dir string, sums map[string]string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var faults []error
	found := 0
	for _, e := range entries {
		want, pinned := sums[e.Name()]
		if !pinned {
			faults = append(faults, fmt.Errorf("%s: not pinned", e.Name()))
			continue
		}
		found++
		_, got, err := sumFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if got != want {
			faults = append(faults, fmt.Errorf("%s: sha256 is %s, pinned is %s", e.Name(), got, want))
		}
	}
	if found != len(sums) {
		faults = append(faults, fmt.Errorf("%d files fetched, %d are pinned", found, len(sums)))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("kafka %s: %w", versionKafka, err)
	}
	return nil
}

// unpackEngine takes the library alone out of the package.
func unpackEngine(archive, dest string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err != nil {
			return fmt.Errorf("%s: no library found: %w", archive, err)
		}
		base := filepath.Base(h.Name)
		if h.Typeflag != tar.TypeReg || !strings.HasPrefix(base, "libchdb.") {
			continue
		}
		return writeFrom(r, dest)
	}
}

func writeFrom(r io.Reader, dest string) error {
	out, err := os.OpenFile(dest, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
