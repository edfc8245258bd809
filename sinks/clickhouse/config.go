package clickhouse

import (
	"net"
	"regexp"
	"strings"

	"touchstream/pipeline/config"
)

// Config is the section clickhouse of a sink. Durations are milliseconds.
type Config struct {
	Addr        []string
	Database    string
	Username    string
	Password    config.Secret
	TLS         *TLS // nil: none
	Create      bool
	Cluster     string
	Replicated  bool
	Compression string
	TimeoutMs   int64
	Block       Limits

	// TTLMs is by table; the key stands beside the section.
	TTLMs map[string]int64
	// SpoolMaxBytes bounds the files of blocks that wait for the server; 0: no
	// bound. It is the state's spool_max.
	SpoolMaxBytes int64
}

// TLS says how the connection is secured.
type TLS struct {
	CA, Cert, Key string
	ServerName    string
	Insecure      bool
}

// Limits close blocks.
type Limits struct {
	RowsMax   int
	BytesMax  int64
	MemoryMax int64
}

// serverPattern takes IPv6 addresses also without brackets.
var serverPattern = regexp.MustCompile(config.Address.String() + `|^[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$`)

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Strings("addr", &c.Addr, []string{"localhost:9000"}, "Addresses of the native protocol, tried in this order; the port is 9000, or 9440 with tls, if it is left out.").
		NonEmpty().Match(serverPattern, "an address such as localhost:9000")
	s.String("database", &c.Database, "default", "Database of the tables; made if missing.").NonEmpty()
	s.String("username", &c.Username, "default", "User.").NonEmpty()
	s.Secret("password", &c.Password, "Password of the user.")
	c.TLS = nil
	var t TLS
	if s.Optional("tls", &t, "Secures the connection; {} takes the system's certificates.") {
		c.TLS = &t
	}
	s.Bool("create", &c.Create, true, "Make the database, tables and views that are missing.")
	s.String("cluster", &c.Cluster, "", "Cluster on which to make them; empty: on the server alone.")
	s.Bool("replicated", &c.Replicated, false, "Make replicated tables.")
	s.Enum("compression", &c.Compression, "auto", "Of blocks on the wire; auto: none to this machine, lz4 to others.", "auto", "lz4", "none")
	s.Duration("timeout", &c.TimeoutMs, "2m", "An insert without an answer for this long is given up and tried again.").Min(1000)
	s.Section("block", &c.Block, "When a block of gathered rows is sent before its commit_interval is over.")
}

// Declare declares the keys.
func (t *TLS) Declare(s *config.Section) {
	s.Path("ca", &t.CA, "", "PEM file of the authorities to trust; empty: the system's.")
	s.Path("cert", &t.Cert, "", "PEM file of the client's certificate.")
	s.Path("key", &t.Key, "", "PEM file of the client's key.")
	s.String("server_name", &t.ServerName, "", "Name to expect in the server's certificate; empty: the one in addr.")
	s.Bool("insecure", &t.Insecure, false, "Accept any certificate.")
	s.Check(func() {
		if (t.Cert == "") != (t.Key == "") {
			s.Fault("", "cert and key go together; cert is %q, key is %q", t.Cert, t.Key)
		}
	}, "cert", "key")
}

// Declare declares the keys.
func (l *Limits) Declare(s *config.Section) {
	s.Int("rows_max", &l.RowsMax, 500_000, "Rows of a block.").Min(1).Max(10_000_000)
	s.Size("bytes_max", &l.BytesMax, "64MiB", "Bytes of a block.").Min(1 << 10).Max(1 << 30)
	s.Size("memory_max", &l.MemoryMax, "256MiB", "Bytes of all blocks in memory: half for those that gather rows, the biggest of which are sent beyond it, and half for those on their way.").Min(1 << 20)
}

// openMax bounds the bytes of the blocks that gather rows.
func (l *Limits) openMax() int64 { return l.MemoryMax / 2 }

// closedMax bounds the bytes of closed blocks in memory.
func (l *Limits) closedMax() int64 { return l.MemoryMax - l.openMax() }

// addresses are Addr with their ports.
func (c *Config) addresses() []string {
	port := "9000"
	if c.TLS != nil {
		port = "9440"
	}
	var out []string
	for _, a := range c.Addr {
		if _, _, err := net.SplitHostPort(a); err != nil {
			a = net.JoinHostPort(strings.Trim(a, "[]"), port)
		}
		out = append(out, a)
	}
	return out
}

// isCompressed reports whether blocks to the address are compressed.
func (c *Config) isCompressed(addr string) bool {
	if c.Compression != "auto" {
		return c.Compression == "lz4"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}
