package dev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Config says where a part lives.
type Config struct {
	// Dir holds data, configuration and logs. It is made if it is missing; a
	// part that finds its data there goes on with it.
	Dir string
	// Ports to listen on; empty for free ones. ClickHouse: native protocol,
	// HTTP. Kafka: clients, controller.
	Ports []int
	// Advertise is the address, host:port, that Kafka tells its clients to
	// connect to: that of a proxy before it. Empty for its own.
	Advertise string
	// Progress gets a line for each step of a fetch; nil for none.
	Progress io.Writer

	detached bool
}

// portsNeeded is how many ports each part listens on.
const portsNeeded = 2

// makeDir makes dir and returns its absolute path.
func makeDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("a folder is needed")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return abs, os.MkdirAll(abs, 0o755)
}

// withPorts calls start, with free ports if config names none. A program that
// knows nothing of claims may take such a port before the part listens on it;
// then others are tried.
func withPorts(config *Config, start func() error) error {
	if len(config.Ports) != 0 {
		if len(config.Ports) != portsNeeded {
			return fmt.Errorf("%s: %d ports needed, got %d", config.Dir, portsNeeded, len(config.Ports))
		}
		return start()
	}
	for attempt := 1; ; attempt++ {
		ports, err := freePorts(portsNeeded)
		if err != nil {
			return err
		}
		config.Ports = ports
		err = start()
		if err == nil || attempt == 3 || !errors.Is(err, errNotReady) || portsFree(ports) {
			return err
		}
	}
}
