package window

import (
	"strconv"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/pipetest"
)

// read makes an operator from the text of its configuration.
func read(text string, lateness int64) (*Operator, error) {
	f, err := config.Parse("w.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	c := Config{Name: "x"}
	if err := f.Read(&c); err != nil {
		return nil, err
	}
	return New(c, Env{Hasher: pipetest.Hasher(), Shards: 1, AllowedLateness: lateness})
}

func duration(t *testing.T, text string) int64 {
	t.Helper()
	if text == "" {
		return 0
	}
	ms, err := config.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// TestData runs the scripts in testdata. Each shows all rows that leave, step
// by step; its final rows must come out the same with other steps and shards.
func TestData(t *testing.T) {
	pipetest.Data(t, "testdata/*.txt", func(t *testing.T, c *pipetest.Case) string {
		op, err := read(c.Options["window"], duration(t, c.Options["lateness"]))
		if err != nil {
			return err.Error() + "\n"
		}
		log, err := pipetest.Parse(c.Script)
		if err != nil {
			t.Fatal(err)
		}
		o := pipetest.Options{Lag: duration(t, c.Options["lag"]), Step: 1}
		if c.Options["step"] != "" {
			o.Step, _ = strconv.Atoi(c.Options["step"])
		}
		res := pipetest.Run(t, op, log, o)
		if c.Options["cuts"] != "no" {
			for _, other := range []pipetest.Options{{Step: 0}, {Step: 2, Shards: 4}, {Step: 3, Shards: 2}} {
				other.Lag = o.Lag
				if got := pipetest.Run(t, op, log, other).Final(); got != res.Final() {
					t.Errorf("%+v:\n%s\nwant:\n%s", other, got, res.Final())
				}
			}
		}
		out := res.Emitted()
		if n := res.Count; n.Evicted+n.Late > 0 {
			out += "late=" + strconv.FormatInt(n.Late, 10) + " evicted=" + strconv.FormatInt(n.Evicted, 10) + "\n"
		}
		return out
	})
}
