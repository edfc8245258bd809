package verify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Open makes one more connection to the same server.
type Open func(ctx context.Context) (Conn, error)

// scratch is where the staging tables are: a database of their own, which
// several connections see, or the temporary tables of a single one.
type scratch struct {
	name  string // of the database; empty: temporary tables
	conns []Conn
	why   string // there is no database
}

const (
	// connections are the statements at a time: two keep the cores busy where
	// one waits, for its last rows or for the disk.
	connections = 2
	// scratchComment is followed by the server's time in seconds.
	scratchComment = "scratch of touchstream verify since "
	// abandonedAfter is how long nothing happens in a scratch database whose
	// owner is gone, in seconds.
	abandonedAfter = 900
	dropTimeout    = time.Minute
)

// openScratch makes a database for the staging tables and connections that are
// in it; without the right to one, first has temporary tables.
func (p *Params) openScratch(ctx context.Context, first Conn, open Open) (*scratch, error) {
	token := make([]byte, 4)
	_, _ = rand.Read(token) // never fails
	s := &scratch{name: p.scratchPrefix() + hex.EncodeToString(token), conns: []Conn{first}}
	if err := s.make(ctx, p, open); err != nil {
		// The database may be there, or seen by one connection alone behind a balancer.
		if ctx.Err() != nil {
			return nil, errors.Join(err, s.drop(open))
		}
		_ = s.drop(open) // else there is no such database either
		s.name, s.conns, s.why = "", s.conns[:1], err.Error()
		return s, first.Exec(ctx, "USE "+field(p.Database))
	}
	return s, nil
}

func (s *scratch) make(ctx context.Context, p *Params, open Open) error {
	if err := p.dropAbandoned(ctx, s.conns[0]); err != nil {
		return err
	}
	now, err := s.conns[0].Rows(ctx, "SELECT toUnixTimestamp(now())")
	if err != nil {
		return err
	}
	if err := s.conns[0].Exec(ctx, "CREATE DATABASE "+field(s.name)+" ENGINE = Atomic COMMENT "+quote(scratchComment+now[0][0])); err != nil {
		return err
	}
	for len(s.conns) < connections {
		c, err := open(ctx)
		if err != nil {
			return err
		}
		s.conns = append(s.conns, c)
	}
	for _, c := range s.conns {
		if err := c.Exec(ctx, "USE "+field(s.name)); err != nil {
			return err
		}
	}
	return nil
}

// drop removes the database, over a new connection if the first was
// interrupted and is closed.
func (s *scratch) drop(open Open) error {
	if s.name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	statement := "DROP DATABASE IF EXISTS " + field(s.name) + " SYNC"
	if s.conns[0].Exec(ctx, statement) == nil {
		return nil
	}
	c, err := open(ctx)
	if err == nil {
		err = c.Exec(ctx, statement)
	}
	if err != nil {
		return fmt.Errorf("database %s is left behind; drop it, or the next verify will: %w", s.name, err)
	}
	return nil
}

// scratchPrefix begins the names of scratch databases of this one.
func (p *Params) scratchPrefix() string { return p.Database + "_verify_" }

// dropAbandoned removes the scratch databases of runs that were killed.
func (p *Params) dropAbandoned(ctx context.Context, c Conn) error {
	rows, err := c.Rows(ctx, fmt.Sprintf(`SELECT d.name FROM system.databases AS d
LEFT ANY JOIN (SELECT database, max(metadata_modification_time) AS at FROM system.tables WHERE startsWith(database, %[1]s) GROUP BY database) AS t ON d.name = t.database
WHERE startsWith(d.name, %[1]s) AND startsWith(d.comment, %[2]s) AND d.name NOT IN (SELECT current_database FROM system.processes)
  AND greatest(toUInt32OrZero(substring(d.comment, 1 + length(%[2]s))), toUnixTimestamp(t.at)) < toUnixTimestamp(now()) - %[3]d`,
		quote(p.scratchPrefix()), quote(scratchComment), abandonedAfter))
	if err != nil {
		return fmt.Errorf("looking for databases that a killed verify left: %w", err)
	}
	for _, r := range rows {
		if err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+field(r[0])+" SYNC"); err != nil {
			return fmt.Errorf("database %s, left behind by a verify that was killed: %w", r[0], err)
		}
	}
	return nil
}

// stage runs the statement of one of the .sql files that fill staging tables.
func (s *scratch) stage(ctx context.Context, c Conn, file, sql string) error {
	if s.name != "" {
		sql = strings.Replace(sql, "CREATE TEMPORARY TABLE", "CREATE TABLE", 1)
	}
	if err := c.Exec(ctx, sql+settingsOf(file)); err != nil {
		return fmt.Errorf("%s.sql: %w", file, err)
	}
	return nil
}

// fill makes a table of a query.
func (s *scratch) fill(ctx context.Context, c Conn, table, query string) error {
	what := "CREATE TEMPORARY TABLE "
	if s.name != "" {
		what = "CREATE TABLE "
	}
	return c.Exec(ctx, what+table+" ENGINE = MergeTree ORDER BY tuple() AS\n"+query)
}
