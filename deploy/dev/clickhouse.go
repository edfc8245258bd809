package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// clickHouseStartMax bounds a start; a second is usual, and a data folder with
// many parts takes longer.
const clickHouseStartMax = 3 * time.Minute

// ClickHouse is an engine that StartClickHouse started. Its methods are for
// one goroutine at a time; Addr and HTTPAddr never change.
type ClickHouse struct {
	config  Config
	library string
	process *process
}

// StartClickHouse starts the engine, fetching it first if need be, and returns
// when it answers on both ports. It dies with this process. The caller owns
// it and ends it with Stop or Kill. There is one user, "default", without a
// password; database "default" is there, others are to be created with
// ENGINE = Atomic. There is no Keeper, so there are no Replicated tables.
func StartClickHouse(ctx context.Context, config Config) (*ClickHouse, error) {
	if !childMainCalled.Load() {
		return nil, errNoChildMain
	}
	library, err := FetchClickHouse(ctx, config.Progress)
	if err != nil {
		return nil, err
	}
	if config.Dir, err = makeDir(config.Dir); err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	c := &ClickHouse{config: config, library: library}
	if err := withPorts(&c.config, func() error { return c.start(ctx) }); err != nil {
		return nil, err
	}
	return c, nil
}

// Addr is the address of the native protocol, host:port.
func (c *ClickHouse) Addr() string { return loopback(c.config.Ports[0]) }

// HTTPAddr is the address of the HTTP protocol, host:port.
func (c *ClickHouse) HTTPAddr() string { return loopback(c.config.Ports[1]) }

// Done is closed when the engine has ended, for whatever reason. After Restart
// it is another channel.
func (c *ClickHouse) Done() <-chan struct{} { return c.process.done }

// Stop ends the engine and waits for its end. On one that has ended it does
// nothing.
func (c *ClickHouse) Stop() error { return c.process.stop() }

// Kill ends the engine as a crash would.
func (c *ClickHouse) Kill() error { return c.process.kill() }

// Restart starts an engine that has ended, on the same data and ports.
func (c *ClickHouse) Restart(ctx context.Context) error {
	if !c.process.ended() {
		return fmt.Errorf("clickhouse: process %d is running", c.process.os.Pid)
	}
	return c.start(ctx)
}

func (c *ClickHouse) start(ctx context.Context) error {
	if err := c.spawn(); err != nil {
		return err
	}
	if err := c.process.waitReady(ctx, clickHouseStartMax, c.config.probeClickHouse); err != nil {
		return errors.Join(err, c.process.kill())
	}
	return nil
}

func (c *ClickHouse) spawn() error {
	var text strings.Builder
	if err := clickHouseConfig.Execute(&text, c.config); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	file := filepath.Join(c.config.Dir, "config.xml")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	self, err := selfPath()
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	c.process, err = startProcess(command{
		name: "clickhouse",
		path: self,
		args: []string{"clickhouse", "--config-file=" + file, "--log-level=warning", "--query", clickHouseQuery},
		env: []string{
			childVariable + "=" + c.library,
			fmt.Sprintf("%s=%d,%d", childPortsVariable, c.config.Ports[0], c.config.Ports[1]),
			// The engine does not expect the signals by which Go stops goroutines.
			"GODEBUG=asyncpreemptoff=1",
		},
		dir:      c.config.Dir,
		output:   filepath.Join(c.config.Dir, "clickhouse.out"),
		detached: c.config.detached,
	})
	return err
}

// clickHouseQuery makes a command line that runs one query a server: it opens
// the listeners, and its last statement never ends.
const clickHouseQuery = "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " +
	"SELECT sleepEachRow(1) FROM system.numbers FORMAT Null " +
	"SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 2000000"

// The command line's own pools are sized for one query. Those here let merges
// and flushes keep up with a stream of inserts.
var clickHouseConfig = template.Must(template.New("config.xml").Funcs(template.FuncMap{"xml": template.HTMLEscapeString}).Parse(`<clickhouse>
    <logger>
        <level>warning</level>
        <log>{{xml .Dir}}/clickhouse.log</log>
        <size>16M</size>
        <count>2</count>
    </logger>
    <path>{{xml .Dir}}/data/</path>
    <listen_host>127.0.0.1</listen_host>
    <background_pool_size>4</background_pool_size>
    <background_common_pool_size>2</background_common_pool_size>
    <background_schedule_pool_size>64</background_schedule_pool_size>
    <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
</clickhouse>
`))

// probeClickHouse succeeds if the engine that serves this folder's data, and
// not some other, answers on both ports.
func (c Config) probeClickHouse(ctx context.Context) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{loopback(c.Ports[0])},
		DialTimeout: 2 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	defer conn.Close()
	var path string
	if err := conn.QueryRow(ctx, "SELECT path FROM system.disks WHERE name = 'default'").Scan(&path); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	if want := filepath.Join(c.Dir, "data"); filepath.Clean(path) != want {
		return fmt.Errorf("clickhouse: %s serves %s, want %s", loopback(c.Ports[0]), path, want)
	}
	http, err := net.DialTimeout("tcp", loopback(c.Ports[1]), 2*time.Second)
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return http.Close()
}
