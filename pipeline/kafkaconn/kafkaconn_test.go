package kafkaconn

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"touchstream/pipeline/config"
)

func read(text string) (*Input, error) {
	f, err := config.Parse("f.yaml", []byte(text), nil)
	if err != nil {
		return nil, err
	}
	c := &Input{}
	return c, f.Read(c)
}

func TestInput(t *testing.T) {
	accept := func(text string, want Input) {
		t.Helper()
		got, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s reads %+v, want %+v", text, *got, want)
		}
	}
	conn := Conn{Brokers: []string{"localhost:9092"}}
	accept(`{brokers: ["localhost:9092"], topics: [web]}`,
		Input{Conn: conn, Topics: []string{"web"}, Driver: FranzGo, Committed: true})
	accept(`{brokers: "localhost:9092", topics: web, start: latest, driver: kafka-go}`,
		Input{Conn: conn, Topics: []string{"web"}, Driver: KafkaGo, Start: Start{Where: Latest}})
	accept(`{brokers: ["localhost:9092"], topics: [web, app], start: 2023-11-14T22:13:20+01:00, isolation: read_uncommitted}`,
		Input{Conn: conn, Topics: []string{"web", "app"}, Driver: FranzGo, Start: Start{AtTime, 1_699_996_400_000}})
	accept(`{brokers: ["[::1]:9092", kafka.example], topics: [web], tls: {}, sasl: {mechanism: SCRAM-SHA-512, username: u, password: p}}`,
		Input{Conn: Conn{Brokers: []string{"[::1]:9092", "kafka.example"}, TLS: &TLS{}, SASL: &SASL{ScramSHA512, "u", "p"}},
			Topics: []string{"web"}, Driver: FranzGo, Committed: true})
}

func TestInputFaults(t *testing.T) {
	refuse := func(text string, want ...string) {
		t.Helper()
		_, err := read(text)
		if err == nil {
			t.Fatalf("%s is accepted", text)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s says %q, want %q in it", text, err, w)
			}
		}
	}
	refuse(`{}`, "brokers: is required", "topics: is required")
	refuse(`{brokers: ["http://localhost:9092"], topics: [web]}`, "brokers[0]: an address such as localhost:9092 is expected")
	refuse(`{brokers: [a], topics: ["we b"]}`, "topics[0]: the name of a topic")
	refuse(`{brokers: [a], topics: [web, web]}`, "topics: web is given twice")
	refuse(`{brokers: [a], topics: [web], start: yesterday}`, `start: earliest, latest or a time such as 2026-01-31T00:00:00Z is expected, found "yesterday"`)
	refuse(`{brokers: [a], topics: [web], driver: kafka-go, isolation: read_committed}`, "isolation: read_committed needs driver franz-go")
	refuse(`{brokers: [a], topics: [web], tls: {cert: c.pem}}`, "tls.cert: needs key beside it")
	refuse(`{brokers: [a], topics: [web], sasl: {mechanism: GSSAPI}}`, "sasl.mechanism: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", "sasl.username: is required")
}

func TestTLSFiles(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*TLS{{CA: empty}, {CA: empty + ".none"}, {Cert: empty, Key: empty}} {
		if _, err := c.Config(); err == nil || !strings.Contains(err.Error(), empty) {
			t.Errorf("%+v gives %v, want an error that names %s", c, err, empty)
		}
	}
	if got, err := (*TLS)(nil).Config(); got != nil || err != nil {
		t.Errorf("no TLS gives %v, %v", got, err)
	}
}
