package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"touchstream/cmd/touchstream/verify"
	"touchstream/deploy/dev/devtest"
	"touchstream/sinks/clickhouse"
)

// scratchOf counts the scratch databases of verify.
func scratchOf(t *testing.T, database, and string) uint64 {
	t.Helper()
	return number(t, warehouse(t, devtest.ClickHouse(t)), "SELECT count() FROM system.databases WHERE startsWith(name, '"+database+"_verify_')"+and)
}

// TestVerifyLeavesNothing looks for scratch databases behind a verify, one that
// failed, one that was interrupted, and for one that a killed one left.
func TestVerifyLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	config, database := verifyIn(t, dir, oneFile)
	bounded(t, config, nil)
	c := warehouse(t, devtest.ClickHouse(t))
	const old, young = "_verify_00000001", "_verify_00000002"
	for name, since := range map[string]string{old: "1000000000", young: fmt.Sprint(number(t, c, "SELECT toUInt64(toUnixTimestamp(now()))"))} {
		if err := c.Exec(t.Context(), "CREATE DATABASE "+database+name+" ENGINE = Atomic COMMENT 'scratch of touchstream verify since "+since+"'"); err != nil {
			t.Fatal(err)
		}
	}
	noDifference(t, config, "--watermark", "end")
	if scratchOf(t, database, "") != 1 || scratchOf(t, database, " AND endsWith(name, '"+young+"')") != 1 {
		t.Error("a finished verify left its scratch database, or took that of a running one, or left an old one")
	}
	p := start(t, nil, "verify", "-c", config, "--watermark", "end")
	await(t, "the scratch database", func() bool { return scratchOf(t, database, "") == 2 })
	if code, _ := p.stop(t, syscall.SIGINT); code != exitFailed {
		t.Errorf("exit %d after an interrupt", code)
	}
	if scratchOf(t, database, "") != 1 {
		t.Error("an interrupted verify left its scratch database")
	}
	if err := c.Exec(t.Context(), "DROP TABLE "+database+".v_ropo"); err != nil {
		t.Fatal(err)
	}
	touchstream(t, nil, "verify", "-c", config, "--watermark", "end").want(t, exitFailed, "v_ropo")
	if scratchOf(t, database, "") != 1 {
		t.Error("a verify that failed left its scratch database")
	}
}

// confined is a connection of a user who may create no database.
type confined struct{ verify.Conn }

func (c confined) Exec(ctx context.Context, statement string) error {
	if strings.HasPrefix(statement, "CREATE DATABASE") {
		return errors.New("not enough privileges")
	}
	return c.Conn.Exec(ctx, statement)
}

// TestVerifyConfined verifies in temporary tables.
func TestVerifyConfined(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	config, database := verifyIn(t, dir, oneFile)
	bounded(t, config, nil)
	b, err := load(config, buildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, sink, err := b.verification(verifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Watermark = verify.EndOfTime
	conn, err := clickhouse.OpenSession(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, err := p.Run(t.Context(), confined{conn}, func(ctx context.Context) (verify.Conn, error) { return conn.Another(ctx) }, 3)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, table := range verifiable {
		if n := counted(t, text.String(), table); n.equal == 0 || r.IsDifferent() {
			t.Errorf("%s: %+v", table, n)
		}
	}
	if !strings.Contains(text.String(), "one statement at a time, in temporary tables: not enough privileges") || scratchOf(t, database, "") > 0 {
		t.Error(text.String())
	}
}
