package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"touchstream/operators/abandonment"
	"touchstream/operators/crowd"
	"touchstream/operators/identity"
	"touchstream/operators/ropo"
	"touchstream/operators/sessions"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/sinks/arrow"
	"touchstream/sinks/clickhouse"
)

func schemaCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "schema", Short: "Print the tables, from their one declaration", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	path := c.PersistentFlags().StringP("config", "c", "", "print the tables of this configuration, its windows included (default: all fixed tables)")
	add := func(name, short string, print func([]*schema.Table) (string, error)) {
		c.AddCommand(&cobra.Command{Use: name, Short: short, Args: noArgs, RunE: func(*cobra.Command, []string) error {
			tables := fixedTables()
			if *path != "" {
				b, err := load(*path, buildOptions{})
				if err != nil {
					return err
				}
				tables = b.tables
			}
			text, err := print(tables)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(os.Stdout, text)
			return err
		}})
	}
	add("clickhouse", "As ClickHouse statements", func(t []*schema.Table) (string, error) {
		return clickhouse.Script(t, clickhouse.Options{Database: "touchstream"}, nil), nil
	})
	add("arrow", "As Arrow schemas", func(t []*schema.Table) (string, error) { return arrow.Describe(t), nil })
	add("json", "As JSON", func(t []*schema.Table) (string, error) {
		text, err := schema.JSON(t)
		return string(text), err
	})
	add("markdown", "As Markdown", func(t []*schema.Table) (string, error) { return schema.Markdown(t), nil })
	return c
}

// fixedTables are all tables whose columns do not depend on the configuration.
func fixedTables() []*schema.Table {
	tables := []*schema.Table{pipeline.Events, sessions.Table, ropo.Table, abandonment.Table, crowd.Table, crowd.Flows}
	tables = append(tables, identity.Tables()...)
	return append(tables, pipeline.Triggers, pipeline.DeadLetters)
}
