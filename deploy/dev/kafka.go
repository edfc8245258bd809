package dev

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaStartMax bounds a start; three to five seconds are usual, and recovery
// of long logs after a crash takes longer, as does anything on a busy machine.
const kafkaStartMax = 5 * time.Minute

// Kafka is a broker that StartKafka started. Its methods are for one goroutine
// at a time; Brokers never changes.
type Kafka struct {
	config    Config
	libDir    string
	java      string
	clusterID string
	process   *process
}

// StartKafka starts a broker that is its own controller, fetching it first if
// need be, and returns when every partition that it has is led. It dies with
// this process. The caller owns it and ends it with Stop or Kill. Topics are
// not created by naming them.
func StartKafka(ctx context.Context, config Config) (*Kafka, error) {
	libDir, err := FetchKafka(ctx, config.Progress)
	if err != nil {
		return nil, err
	}
	java, err := javaPath()
	if err != nil {
		return nil, err
	}
	if config.Dir, err = makeDir(config.Dir); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	k := &Kafka{config: config, libDir: libDir, java: java}
	if err := withPorts(&k.config, func() error { return k.start(ctx) }); err != nil {
		return nil, err
	}
	return k, nil
}

// Brokers is the list of addresses for clients, host:port: what is advertised.
func (k *Kafka) Brokers() []string {
	if k.config.Advertise != "" {
		return []string{k.config.Advertise}
	}
	return []string{k.Addr()}
}

// Addr is the address that the broker listens on for clients, host:port.
func (k *Kafka) Addr() string { return loopback(k.config.Ports[0]) }

// Done is closed when the broker has ended, for whatever reason. After Restart
// it is another channel.
func (k *Kafka) Done() <-chan struct{} { return k.process.done }

// Stop lets the broker end in order and waits for its end. On one that has
// ended it does nothing.
func (k *Kafka) Stop() error { return k.process.stop() }

// Kill ends the broker as a crash would.
func (k *Kafka) Kill() error { return k.process.kill() }

// Restart starts a broker that has ended, on the same data and ports.
func (k *Kafka) Restart(ctx context.Context) error {
	if !k.process.ended() {
		return fmt.Errorf("kafka: process %d is running", k.process.os.Pid)
	}
	return k.start(ctx)
}

func (k *Kafka) start(ctx context.Context) error {
	if err := k.spawn(ctx); err != nil {
		return err
	}
	probe := func(ctx context.Context) error { return k.config.probeKafka(ctx, k.clusterID) }
	if err := k.process.waitReady(ctx, kafkaStartMax, probe); err != nil {
		return errors.Join(err, k.process.kill())
	}
	return nil
}

func (k *Kafka) spawn(ctx context.Context) error {
	if err := k.writeFiles(); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	if err := k.format(ctx); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	var err error
	k.process, err = startProcess(command{
		name:     "kafka",
		path:     k.java,
		args:     append(k.javaArgs("-Xmx512m", "-XX:+ExitOnOutOfMemoryError"), "kafka.Kafka", k.file("server.properties")),
		dir:      k.config.Dir,
		output:   k.file("kafka.log"),
		detached: k.config.detached,
	})
	return err
}

func (k *Kafka) file(name string) string { return filepath.Join(k.config.Dir, name) }

// javaArgs keeps what the JVM writes inside the broker's folder: after a kill
// nobody else would remove it.
func (k *Kafka) javaArgs(options ...string) []string {
	return append(append([]string{"java"}, options...),
		"-XX:-UsePerfData",
		"-Djava.io.tmpdir="+k.file("tmp"),
		"-Dlog4j2.configurationFile="+k.file("log4j2.properties"),
		"-cp", filepath.Join(k.libDir, "*"))
}

func (k *Kafka) writeFiles() error {
	if err := os.RemoveAll(k.file("tmp")); err != nil {
		return err
	}
	if err := os.MkdirAll(k.file("tmp"), 0o755); err != nil {
		return err
	}
	var text strings.Builder
	if err := kafkaProperties.Execute(&text, k.config); err != nil {
		return err
	}
	if err := os.WriteFile(k.file("server.properties"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(k.file("log4j2.properties"), []byte(kafkaLogging), 0o644)
}

// format prepares the data folder at the first start, and reads the cluster's
// id from it at every other.
func (k *Kafka) format(ctx context.Context) error {
	meta := k.file("data/meta.properties")
	id, err := readClusterID(meta)
	if !errors.Is(err, os.ErrNotExist) {
		k.clusterID = id
		return err
	}
	var random [16]byte
	rand.Read(random[:]) // It never returns an error.
	k.clusterID = base64.RawURLEncoding.EncodeToString(random[:])
	args := append(k.javaArgs("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool", "format",
		"--cluster-id="+k.clusterID, "-c", k.file("server.properties"), "--standalone")
	out, err := exec.CommandContext(ctx, k.java, args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("format %s: %w: %s", k.config.Dir, orCause(ctx, err), firstBytes(string(out), 400))
	}
	return nil
}

func readClusterID(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "cluster.id="); ok {
			return id, nil
		}
	}
	return "", fmt.Errorf("%s: no cluster.id", path)
}

// The broker speaks to itself, for the markers of transactions, on a listener of
// its own: a proxy before the other one stops clients alone.
//
// The short session lets a broker that was killed come back in three seconds
// instead of thirteen. Fewer partitions of the internal topics make for fewer
// files and a faster start.
var kafkaProperties = template.Must(template.New("server.properties").Parse(`process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{{index .Ports 1}}
listeners=PLAINTEXT://127.0.0.1:{{index .Ports 0}},INTERNAL://127.0.0.1:0,CONTROLLER://127.0.0.1:{{index .Ports 1}}
advertised.listeners=PLAINTEXT://{{or .Advertise (print "127.0.0.1:" (index .Ports 0))}},INTERNAL://127.0.0.1:0
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={{.Dir}}/data
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
`))

const kafkaLogging = `status = error
appenders = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
`

// probeKafka succeeds if the broker of this cluster, and not some other,
// answers and leads all partitions.
func (c Config) probeKafka(ctx context.Context, clusterID string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(loopback(c.Ports[0])), kgo.DialTimeout(2*time.Second))
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	meta, err := kadm.NewClient(client).Metadata(ctx)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	if meta.Cluster != clusterID {
		return fmt.Errorf("kafka: %s is cluster %s, want %s", loopback(c.Ports[0]), meta.Cluster, clusterID)
	}
	if len(meta.Brokers) == 0 {
		return fmt.Errorf("kafka: %s has not joined its cluster", loopback(c.Ports[0]))
	}
	for _, topic := range meta.Topics {
		for _, p := range topic.Partitions {
			if p.Leader < 0 {
				return fmt.Errorf("kafka: %s/%d has no leader", topic.Topic, p.Partition)
			}
		}
	}
	return nil
}

// javaPath finds the program java.
func javaPath() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		if path, err := exec.LookPath(filepath.Join(home, "bin", "java")); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", unavailable("java 17 or newer is needed to run Apache Kafka: apt-get install openjdk-17-jre-headless")
	}
	return path, nil
}
