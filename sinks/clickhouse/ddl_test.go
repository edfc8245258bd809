package clickhouse

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/schema"
)

var rewrite = flag.Bool("rewrite", false, "write the statements into testdata")

func TestStatements(t *testing.T) {
	f := func(name, got string) {
		t.Helper()
		path := filepath.Join("testdata", name)
		if *rewrite {
			must(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if got != string(want) {
			t.Errorf("%s differs; -rewrite writes it anew:\n%s", path, got)
		}
	}
	tables := []*schema.Table{everything, overrides, growing}
	f("single.sql", Script(tables, Options{Database: "shop"}, map[string]int64{"everything": 90 * day, "growing": hour}))
	f("cluster.sql", Script([]*schema.Table{growing}, Options{Database: "odd `name'", Cluster: "main", Replicated: true}, nil))
}

func TestTTLs(t *testing.T) {
	f := func(table string, ms int64, want string) {
		t.Helper()
		err := CheckTTL(map[string]int64{table: ms}, []*schema.Table{growing, overrides})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s %d: got %v, want %q", table, ms, err, want)
		}
	}
	f("growing", 90*day, "")
	f("growing", 7300*day, "")
	f("growing", 36_500*day, "ttl.growing: 36500d must be from 1s to 7300d")
	f("growing", 0, "must be from 1s")
	f("identity_overrides", day, "no time that is always there")
	f("unknown", 0, "")
}

func TestConfig(t *testing.T) {
	file, err := config.Parse("x.yaml", []byte("addr: [a, 'b:1', '::1']\ntls: {cert: c.pem}\n"), os.LookupEnv)
	must(t, err)
	var c Config
	err = file.Read(&c)
	if err == nil || c.TLS == nil {
		t.Fatalf("a certificate without its key: %v", err)
	}
	if got := c.addresses(); got[0] != "a:9440" || got[1] != "b:1" || got[2] != "[::1]:9440" {
		t.Errorf("addresses %q", got)
	}
	c.Compression = "auto"
	for addr, want := range map[string]bool{"localhost:9000": false, "127.0.0.1:9000": false, "[::1]:9000": false, "ch:9000": true, "10.0.0.1:9000": true} {
		if c.isCompressed(addr) != want {
			t.Errorf("%s: compressed %v", addr, !want)
		}
	}
}
