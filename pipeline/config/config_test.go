package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// shop has one key of every kind.
type shop struct {
	common     Common
	sources    []string
	transports []string
	times      []Time
	mappings   []string
	gap, max   int64
	inclusive  bool
	ratio      float64
	share      float64
	from       []string
	windows    []int64
	resetAt    int64
	password   Secret
	files      []string
	labels     []Pair
}

func (c *shop) Declare(s *Section) {
	c.common.Declare(s)
	s.Map("sources", "Where records come from.", c.source)
	s.Section("operators", Func(func(s *Section) {
		s.Optional("sessions", Func(c.sessions), "Visits.")
		s.Optional("crowd", Func(c.crowd), "People in zones.")
	}), "Operators that run.")
}

func (c *shop) source(name string, s *Section) {
	c.sources = append(c.sources, name)
	s.Optional("kafka", Func(func(s *Section) {
		var brokers []string
		s.Strings("brokers", &brokers, nil, "Addresses.").Required().NonEmpty()
		s.Secret("password", &c.password, "The password.")
	}), "Kafka topics.")
	s.Optional("file", Func(func(s *Section) {
		s.Paths("paths", &c.files, nil, "Patterns.").Required().NonEmpty()
	}), "Files.")
	c.transports = append(c.transports, s.ExactlyOne("a transport", "kafka", "file"))
	var t Time
	t.Override(s, c.common.Time)
	c.times = append(c.times, t)
	s.Pairs("defaults", &c.labels, "Fills fields that an event lacks.")
	s.Values("fields", "path or mapping", "The mapping.", func(name string, v *Value) {
		var constant string
		if v.Section(Func(func(s *Section) {
			s.Any("const", "any scalar", "", "A constant.").Text()
			s.String("path", &constant, "", "A path.")
		})) {
			c.mappings = append(c.mappings, name+" long")
			return
		}
		if text, ok := v.Text(); ok {
			c.mappings = append(c.mappings, name+" "+text)
			return
		}
		v.Expected("a path or a mapping")
	})
}

func (c *shop) sessions(s *Section) {
	s.Duration("gap", &c.gap, "30m", "A session ends after this long without an event.").Positive()
	s.Duration("max_duration", &c.max, "24h", "A session is cut here.").Positive()
	s.Bool("gap_inclusive", &c.inclusive, true, "Events exactly gap apart are one session.")
	s.Check(func() {
		if c.gap > c.max {
			s.Fault("gap", "%s must not exceed max_duration %s", FormatDuration(c.gap), FormatDuration(c.max))
		}
	}, "gap", "max_duration")
}

func (c *shop) crowd(s *Section) {
	s.Float("ratio", &c.ratio, 0.5, "A ratio.").Min(0).Max(1)
	s.Percent("control", &c.share, "10%", "A share.")
	s.Strings("from", &c.from, nil, "Sources.").NonEmptyElements()
	s.Durations("windows", &c.windows, []string{"10s", "1m"}, "Window lengths.").NonEmpty()
	s.TimeOfDay("reset_at", &c.resetAt, "none", "When the venue is cleared.")
	s.Sections("zones", "Zones.", func(i int, s *Section) {
		var id string
		s.String("id", &id, "", "The zone.").Required().NonEmpty()
	})
}

// TestFaults reads texts: "read" prints the faults, "settings" the values as
// they stand. Arguments are environment variables.
func TestFaults(t *testing.T) {
	datadriven.Walk(t, "testdata/read", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			env := map[string]string{}
			for _, arg := range d.CmdArgs {
				env[arg.Key] = strings.Join(arg.Vals, ",")
			}
			lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
			text := strings.NewReplacer(`\t`, "\t", `\0`, "\x00", `\xff`, "\xff").Replace(d.Input)
			f, err := Parse("/etc/shop.yaml", []byte(text), lookup)
			c := &shop{}
			if err == nil {
				err = f.Read(c)
			}
			if err != nil {
				var faults Faults
				if !errors.As(err, &faults) || len(faults) == 0 {
					t.Fatalf("%T is no Faults: %v", err, err)
				}
				return strings.ReplaceAll(err.Error(), "/etc/", "") + "\n"
			}
			if d.Cmd == "read" {
				return "ok\n"
			}
			return listing(f, d.Cmd == "settings")
		})
	})
}

func listing(f *File, all bool) string {
	var b strings.Builder
	for _, s := range f.Settings() {
		if !all && s.IsDefault {
			continue
		}
		fmt.Fprintf(&b, "%s: %s", s.Path, s.Value)
		if s.IsDefault {
			b.WriteString(" (default)")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestDescribe(t *testing.T) {
	got := Markdown(Describe(&shop{}))
	path := filepath.Join("testdata", "keys.md")
	if os.Getenv("REWRITE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the keys differ from %s (REWRITE=1 rewrites it):\n%s", path, got)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(path, []byte("\ufeffname: shop\nsources: {a: {file: {paths: [x/*.csv, /y]}}}\nstate: {dir: s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	c := &shop{}
	if err := f.Read(c); err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "x/*.csv"), "/y"}; strings.Join(c.files, " ") != strings.Join(want, " ") {
		t.Errorf("paths are %q, want %q", c.files, want)
	}
	if want := filepath.Join(dir, "s", "snapshots"); c.common.State.Snapshots != want {
		t.Errorf("snapshots is %q, want %q", c.common.State.Snapshots, want)
	}
	for path, want := range map[string]string{
		dir:                        dir + ": is a directory, a file is expected",
		filepath.Join(dir, "none"): filepath.Join(dir, "none") + ": no such file or directory",
	} {
		var faults Faults
		if _, err := Load(path, nil); !errors.As(err, &faults) || err.Error() != want {
			t.Errorf("Load(%s) says %v, want %s", path, err, want)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	secret := struct{ Password Secret }{"hunter2"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(format, secret); strings.Contains(got, "hunter2") {
			t.Errorf("%s prints %s", format, got)
		}
	}
	if secret.Password.Reveal() != "hunter2" {
		t.Errorf("Reveal gives %q", secret.Password.Reveal())
	}
}

func FuzzRead(f *testing.F) {
	f.Add("name: shop\nsources:\n  web: {kafka: {brokers: [a], password: ${P:-x}}}\n")
	f.Add("a: &x [*x, <<]\n? b\n: !!str c\n--- \n'd': |\n  e\n")
	f.Add("name: $${x}${y\noperators: {sessions: , crowd: ~}")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("f.yaml", []byte(text), func(string) (string, bool) { return "1", true })
		if err == nil {
			err = file.Read(&shop{})
		}
		var faults Faults
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("%T is no Faults: %v", err, err)
		}
	})
}
