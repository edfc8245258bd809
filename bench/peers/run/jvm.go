package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"touchstream/deploy/dev"
	"touchstream/sources/generator"
)

// heap is the memory of a JVM's objects, all of it from the start.
const heap = "2g"

// opened are the packages that Apache Flink's own start script opens to it.
var opened = []string{"java.lang", "java.lang.reflect", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.text", "java.time",
	"java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks"}

// jvm is a peer that was compiled.
type jvm struct {
	java, classes, classPath string
}

// buildJVM compiles a module of bench/peers/pom.xml with Maven, which fetches
// what it needs, and finds its class path.
func buildJVM(ctx context.Context, module string) (*jvm, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, errors.New("java is needed: apt-get install openjdk-17-jdk-headless")
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return nil, errors.New("mvn is needed: apt-get install maven")
	}
	pom := filepath.Join("bench", "peers", "pom.xml")
	if _, err := os.Stat(pom); err != nil {
		return nil, fmt.Errorf("the command runs in the project's folder: %w", err)
	}
	out := filepath.Join(dev.CacheDir(), "peers")
	fmt.Fprintf(os.Stderr, "%s: compiling with Maven\n", module)
	// #nosec G204 -- Maven, with this command's own options
	c := exec.CommandContext(ctx, mvn, "-B", "-q", "-f", pom, "-pl", "jvm,"+module, "-Dpeers.out="+out, "compile")
	if text, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mvn: %w\n%s", err, text[max(0, len(text)-tailBytes):])
	}
	classes := filepath.Join(out, module, "classes")
	classPath, err := os.ReadFile(filepath.Join(out, module, "classpath"))
	if err != nil {
		return nil, err
	}
	return &jvm{java, classes, string(bytes.TrimSpace(classPath))}, nil
}

// execute runs a class of the peer.
func (j *jvm) execute(ctx context.Context, class string, options map[string]string) (cost, error) {
	args := []string{"-Xms" + heap, "-Xmx" + heap}
	for _, p := range opened {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	args = append(args, "-cp", j.classes+string(os.PathListSeparator)+j.classPath, class)
	for name, value := range options {
		args = append(args, "--"+name, value)
	}
	return execute(ctx, j.java, args...)
}

// dependency finds the version of a dependency by its jar.
func (j *jvm) dependency(name string) string {
	if m := regexp.MustCompile(`/` + name + `-([0-9][^/]*)\.jar`).FindStringSubmatch(j.classPath); m != nil {
		return m[1]
	}
	return "unknown"
}

func runFlink(ctx context.Context, b *bench) error {
	j, err := buildJVM(ctx, "flink")
	if err != nil {
		return err
	}
	for _, v := range []struct{ job, operator, state, text string }{
		{jobSessions, "window", "hashmap", "session window, heap state"},
		{jobSessions, "timers", "hashmap", "KeyedProcessFunction, heap state"},
		{jobSessions, "window", "rocksdb", "session window, RocksDB"},
		{jobSessions, "timers", "rocksdb", "KeyedProcessFunction, RocksDB"},
		{jobWindows, "window", "hashmap", "tumbling window, heap state"},
	} {
		dir, err := b.path(strings.Join([]string{"flink", v.job, v.operator, v.state}, "-"))
		if err != nil {
			return err
		}
		output := filepath.Join(dir, "rows.jsonl")
		c, err := j.execute(ctx, "peers.Flink", map[string]string{
			"input": b.input, "records": strconv.Itoa(b.events), "passes": strconv.Itoa(b.passes), "job": v.job,
			"operator": v.operator, "state": v.state, "work": filepath.Join(dir, "checkpoints"), "output": output,
		})
		if err != nil {
			return err
		}
		d, err := b.facts["file "+v.job].compare(v.job, output)
		if err != nil {
			return err
		}
		b.add(result{Job: v.job, System: "Apache Flink", Version: j.dependency("flink-streaming-java"), Settings: v.text, Events: b.events}, c, d)
	}
	return nil
}

func runKafkaStreams(ctx context.Context, b *bench) error {
	j, err := buildJVM(ctx, "kafka-streams")
	if err != nil {
		return err
	}
	if err := b.startKafka(ctx); err != nil {
		return err
	}
	if err := b.runOursFromKafka(ctx); err != nil {
		return err
	}
	// Two hours behind the last event everything has closed.
	flush := generator.DefaultStart + int64(b.kafkaEvents) + 2*3_600_000
	for _, v := range []struct{ job, guarantee, tuning string }{
		{jobSessions, "at_least_once", "default"},
		{jobSessions, "at_least_once", "tuned"},
		{jobSessions, "exactly_once_v2", "default"},
		{jobSessions, "exactly_once_v2", "tuned"},
		{jobWindows, "at_least_once", "tuned"},
		{jobWindows, "exactly_once_v2", "tuned"},
	} {
		name := strings.Join([]string{"streams", v.job, v.guarantee, v.tuning}, "-")
		dir, err := b.path(name)
		if err != nil {
			return err
		}
		output := filepath.Join(dir, "rows.jsonl")
		c, err := j.execute(ctx, "peers.KafkaStreamsPeer", map[string]string{
			"brokers": b.kafka.Addr(), "topic": topic, "records": strconv.Itoa(b.kafkaEvents), "passes": strconv.Itoa(b.passes), "job": v.job,
			"guarantee": v.guarantee, "tuning": v.tuning, "work": dir, "run": name, "flush": strconv.FormatInt(flush, 10), "output": output,
		})
		if err != nil {
			return err
		}
		d, err := b.facts["kafka "+v.job].compare(v.job, output)
		if err != nil {
			return err
		}
		b.add(result{Job: v.job, System: "Kafka Streams", Version: j.dependency("kafka-streams"), Settings: v.guarantee + ", " + v.tuning, Events: b.kafkaEvents}, c, d)
	}
	return nil
}
