package dev

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

//go:embed pins
var pins embed.FS

const (
	pinClickHouse = "pins/clickhouse.txt"
	pinKafkaPOM   = "pins/pom.xml"
	pinKafkaSums  = "pins/kafka.sha256"
	versionKafka  = "4.4.0"
)

// enginePin is one line of pins/clickhouse.txt.
type enginePin struct {
	pkg, version string
	size         int64  // of the download, in bytes; 0 if not recorded
	integrity    string // as npm writes it, sha512-<base64>; empty if not recorded
}

// pinFor returns the engine's package for platform, GOOS/GOARCH.
func pinFor(platform string) (enginePin, error) {
	text, err := pins.ReadFile(pinClickHouse)
	if err != nil {
		return enginePin{}, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 5 || f[0] != platform {
			continue
		}
		p := enginePin{pkg: f[1], version: f[2]}
		if f[3] != "-" {
			if p.size, err = strconv.ParseInt(f[3], 10, 64); err != nil {
				return enginePin{}, fmt.Errorf("%s: %s: %w", pinClickHouse, platform, err)
			}
		}
		if f[4] != "-" {
			p.integrity = f[4]
		}
		return p, nil
	}
	return enginePin{}, unavailable("the ClickHouse engine is not packaged for " + platform)
}

// kafkaSums returns the SHA-256 of each jar of the broker, in hexadecimal, by
// file name.
func kafkaSums() (map[string]string, error) {
	text, err := pins.ReadFile(pinKafkaSums)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	s := bufio.NewScanner(strings.NewReader(string(text)))
	for s.Scan() {
		f := strings.Fields(s.Text())
		if len(f) != 2 || len(f[0]) != 2*sha256.Size {
			return nil, fmt.Errorf("%s: %q is not a checksum and a file name", pinKafkaSums, s.Text())
		}
		sums[f[1]] = f[0]
	}
	return sums, s.Err()
}

// fingerprint names a set of pins, so that a cache filled from other pins is
// another folder.
func fingerprint(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	return hex.EncodeToString(sum[:4])
}
