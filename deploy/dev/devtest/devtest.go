package devtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"touchstream/deploy/dev"
)

// startMax bounds a fetch and a start together.
const startMax = 10 * time.Minute

// Main runs the tests, stops what they shared and ends the process. TestMain
// must call it before anything else.
func Main(m *testing.M) {
	dev.ChildMain()
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// shared holds the parts that all tests of this binary use.
var shared struct {
	sync.Mutex
	dir        string
	clickHouse *dev.ClickHouse
	kafka      *dev.Kafka
}

// ClickHouse returns the native address, host:port, of the shared engine.
func ClickHouse(t testing.TB) string { return SharedClickHouse(t).Addr() }

// SharedClickHouse returns the shared engine. It must not be stopped.
func SharedClickHouse(t testing.TB) *dev.ClickHouse {
	t.Helper()
	skipShort(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.clickHouse == nil {
		ctx, cancel := context.WithTimeout(t.Context(), startMax)
		defer cancel()
		c, err := dev.StartClickHouse(ctx, dev.Config{Dir: sharedDir(t, "clickhouse"), Progress: os.Stderr})
		need(t, err)
		shared.clickHouse = c
	}
	return shared.clickHouse
}

// Kafka returns the addresses, host:port, of the shared broker.
func Kafka(t testing.TB) []string {
	t.Helper()
	skipShort(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.kafka == nil {
		ctx, cancel := context.WithTimeout(t.Context(), startMax)
		defer cancel()
		k, err := dev.StartKafka(ctx, dev.Config{Dir: sharedDir(t, "kafka"), Progress: os.Stderr})
		need(t, err)
		shared.kafka = k
	}
	return shared.kafka.Brokers()
}

// NewClickHouse returns an engine of the test's own, which the test may stop,
// kill and restart. It is gone after the test.
func NewClickHouse(t testing.TB) *dev.ClickHouse {
	t.Helper()
	skipShort(t)
	ctx, cancel := context.WithTimeout(t.Context(), startMax)
	defer cancel()
	c, err := dev.StartClickHouse(ctx, dev.Config{Dir: t.TempDir(), Progress: os.Stderr})
	need(t, err)
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// NewKafka returns a broker of the test's own, which the test may stop, kill
// and restart. It is gone after the test.
func NewKafka(t testing.TB) *dev.Kafka {
	t.Helper()
	skipShort(t)
	ctx, cancel := context.WithTimeout(t.Context(), startMax)
	defer cancel()
	return startKafka(ctx, t, dev.Config{})
}

// NewProxiedKafka returns a broker of the test's own behind a proxy, through
// which all its clients go that begin with Brokers. Both are gone after the
// test.
func NewProxiedKafka(t testing.TB) (*dev.Kafka, *dev.Proxy) {
	t.Helper()
	skipShort(t)
	proxy := newProxy(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), startMax)
	defer cancel()
	k := startKafka(ctx, t, dev.Config{Advertise: proxy.Addr()})
	proxy.Forward(k.Addr())
	return k, proxy
}

func startKafka(ctx context.Context, t testing.TB, config dev.Config) *dev.Kafka {
	t.Helper()
	config.Dir, config.Progress = t.TempDir(), os.Stderr
	k, err := dev.StartKafka(ctx, config)
	need(t, err)
	t.Cleanup(func() {
		if err := k.Kill(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// NewProxiedClickHouse returns an engine of the test's own and a proxy before
// its native port. Both are gone after the test.
func NewProxiedClickHouse(t testing.TB) (*dev.ClickHouse, *dev.Proxy) {
	t.Helper()
	c := NewClickHouse(t)
	return c, newProxy(t, c.Addr())
}

func newProxy(t testing.TB, target string) *dev.Proxy {
	t.Helper()
	p, err := dev.StartProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// SharedDir returns a folder that all tests of this binary share and that is
// removed after them.
func SharedDir(t testing.TB, name string) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	dir := sharedDir(t, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real ClickHouse engine or Kafka broker, which -short leaves out")
	}
}

// need ends the test if a part could not be started: as skipped where this
// machine lacks what it takes, as failed on CI and for any other reason.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, dev.ErrUnavailable) && os.Getenv("CI") != "true":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

func sharedDir(t testing.TB, name string) string {
	t.Helper()
	if shared.dir == "" { // the lock is held
		dir, err := os.MkdirTemp("", "touchstream-devtest-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
	}
	return filepath.Join(shared.dir, name)
}

func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	var faults []error
	if shared.clickHouse != nil {
		faults = append(faults, shared.clickHouse.Kill())
	}
	if shared.kafka != nil {
		faults = append(faults, shared.kafka.Kill())
	}
	if shared.dir != "" {
		faults = append(faults, os.RemoveAll(shared.dir))
	}
	return errors.Join(faults...)
}
