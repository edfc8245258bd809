package dev

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// mavenPlugin copies what a pom lists into a folder. Its version is part of
// the pins: another one may resolve or name things differently.
const mavenPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// FetchClickHouse returns the path of the ClickHouse engine's library in the
// cache, after fetching it with npm if it is not there. Progress lines go to
// progress, which may be nil. Without npm the error wraps ErrUnavailable.
func FetchClickHouse(ctx context.Context, progress io.Writer) (libPath string, err error) {
	if progress == nil {
		progress = io.Discard
	}
	pin, err := pinFor(runtime.GOOS + "/" + runtime.GOARCH)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("clickhouse-%s-%s", pin.version, fingerprint(pin.pkg, pin.version, pin.integrity))
	dir, err := install(ctx, name, progress, func(ctx context.Context, dir string) error {
		return fillClickHouse(ctx, pin, dir, progress)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, engineLibrary), nil
}

// FetchKafka returns the folder of the Kafka broker's jars in the cache, after
// fetching them with Maven if they are not there. Progress lines go to
// progress, which may be nil. Without mvn or java the error wraps
// ErrUnavailable.
func FetchKafka(ctx context.Context, progress io.Writer) (libDir string, err error) {
	if progress == nil {
		progress = io.Discard
	}
	pom, err := pins.ReadFile(pinKafkaPOM)
	if err != nil {
		return "", err
	}
	sums, err := pins.ReadFile(pinKafkaSums)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("kafka-%s-%s", versionKafka, fingerprint(string(pom), string(sums)))
	return install(ctx, name, progress, func(ctx context.Context, dir string) error {
		return fillKafka(ctx, pom, dir, progress)
	})
}

func fillClickHouse(ctx context.Context, pin enginePin, dir string, progress io.Writer) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return unavailable("npm is needed to fetch the ClickHouse engine: apt-get install npm (or https://nodejs.org)")
	}
	work := filepath.Dir(dir)
	spec := pin.pkg + "@" + pin.version
	// A cache of its own keeps a second copy of the package out of the user's,
	// and shows how far the download is.
	store := filepath.Join(work, "npm")
	cmd := exec.CommandContext(ctx, npm, "pack", spec, "--ignore-scripts", "--cache", store,
		"--loglevel", "error", "--no-update-notifier", "--pack-destination", work)
	cmd.Dir = work
	cmd.WaitDelay = 5 * time.Second
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	stop := watchSize(store, pin.size, progress)
	err = cmd.Run()
	stop()
	if err != nil {
		return fmt.Errorf("npm pack %s: %w: %s", spec, orCause(ctx, err), lastLines(output.String(), 6))
	}
	archives, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("npm pack %s: one .tgz file expected in %s, got %d", spec, work, len(archives))
	}
	if pin.integrity != "" {
		if err := checkIntegrity(archives[0], pin.integrity); err != nil {
			return fmt.Errorf("%s: %w", spec, err)
		}
	}
	fmt.Fprintln(progress, "ClickHouse engine: unpacking")
	return unpackEngine(archives[0], filepath.Join(dir, engineLibrary))
}

// watchSize prints how much has arrived under dir, until stop is called.
func watchSize(dir string, total int64, progress io.Writer) (stop func()) {
	of := ""
	if total > 0 {
		of = fmt.Sprintf(" of %d MB", total/1e6)
	}
	fmt.Fprintln(progress, "ClickHouse engine: fetching")
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for last := int64(0); ; {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			size := sizeUnder(dir)
			if total > 0 {
				size = min(size, total)
			}
			if size/1e6 != last/1e6 {
				fmt.Fprintf(progress, "ClickHouse engine: %d MB%s\n", size/1e6, of)
				last = size
			}
		}
	}()
	return func() { close(quit); <-done }
}

// sizeUnder counts only what it can see: files come and go meanwhile.
func sizeUnder(dir string) int64 {
	var size int64
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if e.IsDir() {
			size += sizeUnder(filepath.Join(dir, e.Name()))
		} else if info, err := e.Info(); err == nil {
			size += info.Size()
		}
	}
	return size
}

func fillKafka(ctx context.Context, pom []byte, dir string, progress io.Writer) error {
	if _, err := javaPath(); err != nil {
		return err
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return unavailable("mvn is needed to fetch Apache Kafka: apt-get install maven (or https://maven.apache.org)")
	}
	sums, err := kafkaSums()
	if err != nil {
		return err
	}
	work := filepath.Dir(dir)
	pomPath := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(pomPath, pom, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "-B", "-f", pomPath, mavenPlugin, "-DincludeScope=runtime", "-DoutputDirectory="+dir)
	cmd.Dir = work
	cmd.WaitDelay = 5 * time.Second
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	tail := make(chan string, 1)
	go func() { tail <- watchMaven(read, progress) }()
	fmt.Fprintf(progress, "Apache Kafka %s: fetching\n", versionKafka)
	err = cmd.Run()
	write.Close()
	if faults := <-tail; err != nil {
		return fmt.Errorf("%s: %w: %s", mavenPlugin, orCause(ctx, err), faults)
	}
	fmt.Fprintf(progress, "Apache Kafka %s: comparing the checksums of %d files\n", versionKafka, len(sums))
	return checkJars(dir, sums)
}

// watchMaven reads Maven's log to its end, prints how many files have arrived
// and returns its error lines.
func watchMaven(r *io.PipeReader, progress io.Writer) (faults string) {
	var lines []string
	files, told := 0, time.Now()
	s := bufio.NewScanner(r)
	for s.Scan() {
		line := s.Text()
		if strings.Contains(line, "Downloaded from") {
			files++
			if time.Since(told) > time.Second {
				told = time.Now()
				fmt.Fprintf(progress, "Apache Kafka %s: %d files\n", versionKafka, files)
			}
		}
		if strings.Contains(line, "ERROR") {
			lines = append(lines, line)
		}
	}
	// A line too long for the scanner must not block Maven.
	r.CloseWithError(io.ErrClosedPipe)
	return lastLines(strings.Join(lines[:min(len(lines), 3)], "\n"), 3)
}

// orCause prefers the reason why ctx ended to "signal: killed".
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// lastLines joins the last n lines of text that are not empty.
func lastLines(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}

// firstBytes is for the output of a program in Java, whose last lines are a
// stack trace.
func firstBytes(text string, n int) string {
	text = strings.TrimSpace(text)
	return text[:min(len(text), n)]
}
