package pipetest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what came out into the testdata files")

// Case is one case of a data file: a title line "== title", optional
// "option: value" lines, the script, a line "----" and the expected text.
type Case struct {
	File, Title string
	Options     map[string]string
	Script      string
}

// Data runs f over each case of the files that match the pattern and compares
// what it returns with the expected text. With -rewrite the files take what f
// returned.
func Data(t *testing.T, pattern string, f func(t *testing.T, c *Case) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, blocks := cutBlocks(string(text))
		var out strings.Builder
		out.WriteString(head)
		for _, block := range blocks {
			c, input, want := parseCase(t, file, block)
			got := want
			t.Run(filepath.Base(file)+"/"+c.Title, func(t *testing.T) {
				got = f(t, c)
				if got != want && !*rewrite {
					t.Errorf("%s: %s\n got:\n%s want:\n%s", file, c.Title, got, want)
				}
			})
			out.WriteString(input + "----\n" + got + "\n")
		}
		if *rewrite {
			if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// cutBlocks separates what stands before the first title and the cases.
func cutBlocks(text string) (head string, blocks []string) {
	parts := strings.Split("\n"+text, "\n== ")
	return strings.TrimPrefix(parts[0]+"\n", "\n"), parts[1:]
}

func parseCase(t *testing.T, file, block string) (c *Case, input, want string) {
	t.Helper()
	before, after, _ := strings.Cut(block, "----\n")
	want = strings.TrimRight(after, "\n")
	if want != "" {
		want += "\n"
	}
	title, body, _ := strings.Cut(before, "\n")
	c = &Case{File: file, Title: title, Options: map[string]string{}}
	var script []string
	for _, line := range strings.Split(body, "\n") {
		key, val, ok := strings.Cut(line, ": ")
		if ok && !strings.ContainsAny(key, " :=#") {
			c.Options[key] = strings.TrimSpace(val)
			continue
		}
		script = append(script, line)
	}
	c.Script = strings.Join(script, "\n")
	return c, "== " + before, want
}
