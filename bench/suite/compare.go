package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// benchstat judges a comparison.
const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// side is one of the two trees of a comparison.
type side struct {
	name, binary, dir, results string
}

// compare runs the suites of a former commit, checked out in a folder of its
// own, and of the tree as it is by turns, and lets benchstat judge.
func (o *options) compare(ctx context.Context, out io.Writer) (err error) {
	base, err := o.commit()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "bench-compare")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	tree := filepath.Join(temp, "tree")
	if err := command(ctx, "git", "worktree", "add", "--quiet", "--detach", tree, base); err != nil {
		return err
	}
	defer func() {
		// Not bound to ctx: the folder is to go when the comparison is interrupted.
		err = errors.Join(err, command(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", tree))
	}()
	sides := []*side{
		{name: "before", dir: tree},
		{name: "now", dir: "."},
	}
	for _, s := range sides {
		s.binary, s.results = filepath.Join(temp, s.name+".test"), filepath.Join(temp, s.name+".txt")
		if err := build(ctx, s.dir, s.binary); err != nil {
			return err
		}
	}
	for round := range o.rounds {
		for k := range sides {
			s := sides[(round+k)%2]
			fmt.Fprintf(out, "round %d of %d: %s\n", round+1, o.rounds, s.name)
			if err := o.append(ctx, s); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(out, "\nbefore: %s\n", base)
	c := exec.CommandContext(ctx, "go", "run", benchstat, filepath.Base(sides[0].results), filepath.Base(sides[1].results))
	c.Dir = temp // outside of the module, whose requirements say nothing of benchstat
	c.Stdout, c.Stderr = out, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("go run %s: %w", benchstat, err)
	}
	return nil
}

// append runs the suites of one side once more and appends what they print to
// its results.
func (o *options) append(ctx context.Context, s *side) (err error) {
	f, err := os.OpenFile(s.results, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for i := range o.suites {
		if _, err := o.suites[i].execute(ctx, s.binary, filepath.Join(s.dir, "bench"), o.short, f); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// commit is what to compare with.
func (o *options) commit() (string, error) {
	name := o.base
	if name == "" {
		name = "HEAD^"
		if output("git", "status", "--porcelain", "--untracked-files=no") != "" {
			name = "HEAD"
		}
	}
	hash := output("git", "rev-parse", "--verify", name+"^{commit}")
	if hash == "" {
		return "", fmt.Errorf("git knows no commit %s", name)
	}
	return hash, nil
}

func command(ctx context.Context, name string, args ...string) error {
	if text, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return nil
}
