package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// run measures, prints the tables and writes the file of the run.
func (o *options) run(ctx context.Context, out io.Writer) error {
	r, err := o.measure(ctx, out)
	if err != nil {
		return err
	}
	return r.keep(out, filepath.Join(o.dir, r.Began.UTC().Format("20060102T150405Z")+".json"), r)
}

// keep prints the tables and writes the file, which holds the run.
func (r *record) keep(out io.Writer, path string, file any) error {
	if err := show(out, r.Results); err != nil {
		return err
	}
	if err := writeJSON(path, file); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n%.0f s, written to %s\n", &r.Machine, r.Seconds, path)
	return err
}

// measure builds the benchmarks of the tree as it is and runs the suites.
func (o *options) measure(ctx context.Context, out io.Writer) (*record, error) {
	binary, done, err := buildHere(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	r := &record{Began: time.Now(), Machine: describe(), Short: o.short}
	for i := range o.suites {
		s := &o.suites[i]
		list, err := s.execute(ctx, binary, "bench", o.short, out)
		if err != nil {
			return nil, err
		}
		r.Suites, r.Results = append(r.Suites, s.name), append(r.Results, list...)
	}
	r.Seconds, r.Machine.LoadAfter = time.Since(r.Began).Seconds(), load()
	return r, nil
}

// buildHere compiles the benchmarks of the tree as it is. The caller calls done
// to remove the binary.
func buildHere(ctx context.Context) (binary string, done func(), err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(dir) }
	binary = filepath.Join(dir, "bench.test")
	if err := build(ctx, ".", binary); err != nil {
		done()
		return "", nil, err
	}
	return binary, done, nil
}

// build compiles the benchmarks of the tree in dir.
func build(ctx context.Context, dir, binary string) error {
	c := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./bench")
	c.Dir, c.Stderr = dir, os.Stderr
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := c.Run(); err != nil {
		return fmt.Errorf("go test -c ./bench in %s: %w", dir, err)
	}
	return nil
}

// execute runs the suite in a folder and gives its results. A suite that gives
// none is an error.
func (s *suite) execute(ctx context.Context, binary, dir string, short bool, out io.Writer) ([]result, error) {
	c := exec.CommandContext(ctx, binary, s.args(short)...)
	c.Dir, c.Stderr = dir, os.Stderr
	pipe, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	list, scanErr := scan(pipe, out, s.name)
	if err := c.Wait(); err != nil {
		return nil, fmt.Errorf("suite %s: %w", s.name, err)
	}
	return list, scanErr
}
