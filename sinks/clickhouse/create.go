package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/pipeline/schema"
)

// creator makes what is missing and compares what is there.
type creator struct {
	cfg        *Config
	conn       driver.Conn
	tables     []*schema.Table
	replicated map[string]bool // the tables that are, as the server tells
	// defaults are the columns, by table, for which the server has an expression.
	defaults map[string]map[string]bool
}

func (c *creator) options(t *schema.Table) Options {
	o := Options{Database: c.cfg.Database, Cluster: c.cfg.Cluster, Replicated: c.cfg.Replicated, Overrides: hasOverrides(c.tables)}
	if t != nil {
		o.TTLMs = c.cfg.TTLMs[t.Name]
	}
	return o
}

func (c *creator) run(ctx context.Context) error {
	if err := c.database(ctx); err != nil {
		return err
	}
	there, err := c.existing(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, t := range c.tables {
		switch {
		case there[t.Name] != nil:
		case c.cfg.Create:
			if err := c.exec(ctx, DDL(t, c.options(t))); err != nil {
				return err
			}
		default:
			missing = append(missing, t.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("database %s lacks the tables %q; make them from the output of touchstream schema clickhouse, or leave out create: false",
			c.cfg.Database, missing)
	}
	if there, err = c.existing(ctx); err != nil {
		return err
	}
	if err := c.compare(there); err != nil {
		return err
	}
	if err := c.windows(ctx, there); err != nil {
		return err
	}
	c.replicated, c.defaults = map[string]bool{}, map[string]map[string]bool{}
	for _, t := range c.tables {
		c.replicated[t.Name], c.defaults[t.Name] = there[t.Name].isReplicated(), there[t.Name].defaults
	}
	return c.views(ctx, there)
}

func (c *creator) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := c.conn.Exec(ctx, statement); err != nil {
		return explain(c.cfg, err)
	}
	return nil
}

// database makes the database. It asks first: the right to make one is not
// needed where it is there.
func (c *creator) database(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var n uint64
	if err := c.conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = ?", c.cfg.Database).Scan(&n); err != nil {
		return explain(c.cfg, err)
	}
	switch {
	case n > 0:
		return nil
	case !c.cfg.Create:
		return fmt.Errorf("database %s does not exist, or user %q may not see it; create it, or leave out create: false", c.cfg.Database, c.cfg.Username)
	}
	return c.exec(ctx, DatabaseDDL(c.options(nil)))
}

// windows lets tables that were made without it remember the tokens of blocks.
func (c *creator) windows(ctx context.Context, there map[string]*existingTable) error {
	var missing []string
	for _, t := range c.tables {
		statement := windowDDL(t, c.options(t))
		switch {
		case there[t.Name].remembersBlocks():
		case !c.cfg.Create:
			missing = append(missing, statement)
		default:
			if err := c.exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("tables of database %s do not remember which blocks they have, so that one that is sent twice would be there twice; run this, or leave out create: false:\n  %s",
			c.cfg.Database, strings.Join(missing, ";\n  "))
	}
	return nil
}

// views makes the views that are missing and replaces those of this package
// that have another text. A view that somebody else made stays.
func (c *creator) views(ctx context.Context, there map[string]*existingTable) error {
	for _, t := range c.tables {
		o := c.options(t)
		v := there[viewName(t)]
		switch {
		case v == nil && !c.cfg.Create, v != nil && !v.isMarked(), v != nil && v.comment == viewComment(t, viewQuery(t, o)):
			continue
		}
		if err := c.exec(ctx, ViewDDL(t, o)); err != nil {
			return err
		}
	}
	return nil
}
