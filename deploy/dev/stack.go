package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Services are the addresses of the pair that Up keeps.
type Services struct {
	Kafka          string // host:port for Kafka clients
	ClickHouse     string // host:port of the native protocol
	ClickHouseHTTP string // host:port of the HTTP protocol
	EnvFile        string // path of the file that holds the addresses as variables
}

// DefaultDir is where Up keeps the pair unless told otherwise.
func DefaultDir() string { return filepath.Join(CacheDir(), "dev") }

// The files of a pair's folder. The record outlives Down, so that the pair has
// the same ports the next time.
const (
	envFile    = "dev.env"
	recordFile = "dev.json"
)

// partRecord is what is known about one part between two commands.
type partRecord struct {
	PID      int    `json:"pid,omitempty"`
	Identity string `json:"identity,omitempty"` // of the process, against a recycled id
	Ports    []int  `json:"ports,omitempty"`
}

// running tells whether the recorded process itself still runs.
func (r partRecord) running() bool {
	return r.PID != 0 && r.Identity != "" && processIdentity(r.PID) == r.Identity
}

type record struct {
	Kafka      partRecord `json:"kafka"`
	ClickHouse partRecord `json:"clickhouse"`
}

// Up starts a Kafka broker and a ClickHouse engine that outlive this process,
// or finds that they run already; both are ready when it returns. dir holds
// their data, logs and, in dev.env, their addresses. Progress lines go to
// progress, which may be nil. After an error what was started may run: Down
// ends it, and another Up goes on with it.
func Up(ctx context.Context, dir string, progress io.Writer) (Services, error) {
	if progress == nil {
		progress = io.Discard
	}
	if !childMainCalled.Load() {
		return Services{}, errNoChildMain
	}
	dir, err := makeDir(dir)
	if err != nil {
		return Services{}, cacheError(err)
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, ".lock"), func() {
		fmt.Fprintf(progress, "%s: waiting for another up or down\n", dir)
	})
	if err != nil {
		return Services{}, err
	}
	defer unlock()
	rec, err := readRecord(dir)
	if err != nil {
		return Services{}, err
	}
	kafka, clickHouse, err := upParts(ctx, dir, progress)
	if err != nil {
		return Services{}, err
	}
	save := func() error { return writeRecord(dir, rec) }
	// Both start before either is waited for.
	if err := bringUp(ctx, "Apache Kafka", kafka, &rec.Kafka, save, progress); err != nil {
		return Services{}, err
	}
	if err := bringUp(ctx, "ClickHouse", clickHouse, &rec.ClickHouse, save, progress); err != nil {
		return Services{}, err
	}
	if err := errors.Join(kafka.wait(ctx, rec.Kafka), clickHouse.wait(ctx, rec.ClickHouse)); err != nil {
		return Services{}, err
	}
	s := Services{
		Kafka:          loopback(rec.Kafka.Ports[0]),
		ClickHouse:     loopback(rec.ClickHouse.Ports[0]),
		ClickHouseHTTP: loopback(rec.ClickHouse.Ports[1]),
		EnvFile:        filepath.Join(dir, envFile),
	}
	return s, writeAtomic(s.EnvFile, []byte(s.Env()))
}

// Env is the text of the env file: one assignment a line, for a shell to read.
func (s Services) Env() string {
	return "TOUCHSTREAM_KAFKA=" + s.Kafka +
		"\nTOUCHSTREAM_CLICKHOUSE=" + s.ClickHouse +
		"\nTOUCHSTREAM_CLICKHOUSE_HTTP=" + s.ClickHouseHTTP + "\n"
}

// upPart is what bringUp needs of a part.
type upPart interface {
	// start spawns the part on ports and returns its process id.
	start(ctx context.Context, ports []int) (pid int, err error)
}

type upKafka struct{ Kafka }

type upClickHouse struct{ ClickHouse }

// upParts fetches what both parts need before either starts.
func upParts(ctx context.Context, dir string, progress io.Writer) (*upKafka, *upClickHouse, error) {
	k, c := new(upKafka), new(upClickHouse)
	var err error
	if k.libDir, err = FetchKafka(ctx, progress); err != nil {
		return nil, nil, err
	}
	if k.java, err = javaPath(); err != nil {
		return nil, nil, err
	}
	if c.library, err = FetchClickHouse(ctx, progress); err != nil {
		return nil, nil, err
	}
	k.config.detached, c.config.detached = true, true
	if k.config.Dir, err = makeDir(filepath.Join(dir, "kafka")); err != nil {
		return nil, nil, err
	}
	c.config.Dir, err = makeDir(filepath.Join(dir, "clickhouse"))
	return k, c, err
}

func (u *upKafka) start(ctx context.Context, ports []int) (int, error) {
	u.config.Ports = ports
	if err := u.spawn(ctx); err != nil {
		return 0, err
	}
	return u.process.os.Pid, nil
}

func (u *upClickHouse) start(_ context.Context, ports []int) (int, error) {
	u.config.Ports = ports
	if err := u.spawn(); err != nil {
		return 0, err
	}
	return u.process.os.Pid, nil
}

// wait returns when the broker that r tells of is ready.
func (u *upKafka) wait(ctx context.Context, r partRecord) error {
	u.config.Ports = r.Ports
	var err error
	if u.clusterID, err = readClusterID(u.file("data/meta.properties")); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return waitRecorded(ctx, "kafka", r, kafkaStartMax, u.file("kafka.log"), func(ctx context.Context) error {
		return u.config.probeKafka(ctx, u.clusterID)
	})
}

// wait returns when the engine that r tells of is ready.
func (u *upClickHouse) wait(ctx context.Context, r partRecord) error {
	u.config.Ports = r.Ports
	log := filepath.Join(u.config.Dir, "clickhouse.out")
	return waitRecorded(ctx, "clickhouse", r, clickHouseStartMax, log, u.config.probeClickHouse)
}

// bringUp starts a part unless it runs, on its former ports if they are free,
// and saves the record before it waits for anything: whatever happens next,
// Down finds the process.
func bringUp(ctx context.Context, title string, part upPart, r *partRecord, save func() error, progress io.Writer) error {
	if r.running() {
		fmt.Fprintf(progress, "%s: already up, process %d\n", title, r.PID)
		return nil
	}
	ports, err := sameOrFreePorts(r.Ports)
	if err != nil {
		return err
	}
	pid, err := part.start(ctx, ports)
	if err != nil {
		return err
	}
	*r = partRecord{PID: pid, Identity: processIdentity(pid), Ports: ports}
	fmt.Fprintf(progress, "%s: starting, process %d\n", title, pid)
	if err := save(); err != nil {
		return errors.Join(err, endProcess(*r))
	}
	return nil
}

func waitRecorded(ctx context.Context, name string, r partRecord, limit time.Duration, log string, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not ready after %s", name, limit))
	defer cancel()
	return pollReady(ctx, probe, func() error {
		if r.running() {
			return nil
		}
		return fmt.Errorf("%s: %w: %s", name, errNotReady, tailOf(log))
	})
}

// Down ends what Up started in dir. Data and ports are kept for the next Up;
// that nothing runs is no error. It never touches a process that Up did not
// start, even one that has got the recorded id since.
func Down(ctx context.Context, dir string, progress io.Writer) error {
	if progress == nil {
		progress = io.Discard
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(progress, "nothing is up")
		return nil
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, ".lock"), func() {
		fmt.Fprintf(progress, "%s: waiting for another up or down\n", dir)
	})
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := readRecord(dir)
	if err != nil {
		return err
	}
	if !rec.Kafka.running() && !rec.ClickHouse.running() {
		fmt.Fprintln(progress, "nothing is up")
	}
	for _, part := range []*partRecord{&rec.Kafka, &rec.ClickHouse} {
		if part.running() {
			fmt.Fprintf(progress, "stopping process %d\n", part.PID)
		}
		if err := endProcess(*part); err != nil {
			return err
		}
		part.PID, part.Identity = 0, ""
	}
	if err := os.Remove(filepath.Join(dir, envFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return writeRecord(dir, rec)
}

// endProcess asks the recorded process to end, kills it after stopGrace, and
// returns when it has ended.
func endProcess(r partRecord) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !r.running() {
			return nil
		}
		if err := syscall.Kill(r.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal %s to process %d: %w", sig, r.PID, err)
		}
		for deadline := time.Now().Add(stopGrace); r.running() && time.Now().Before(deadline); {
			if err := pause(context.Background(), 20*time.Millisecond); err != nil {
				return err
			}
		}
	}
	if r.running() {
		return fmt.Errorf("process %d: still there %s after being killed", r.PID, stopGrace)
	}
	return nil
}

func readRecord(dir string) (record, error) {
	path := filepath.Join(dir, recordFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	var rec record
	if err := json.Unmarshal(text, &rec); err != nil {
		return record{}, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}

func writeRecord(dir string, rec record) error {
	text, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return err
	}
	return writeAtomic(filepath.Join(dir, recordFile), append(text, '\n'))
}

func writeAtomic(path string, text []byte) error {
	if err := os.WriteFile(path+".tmp", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
