package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"touchstream/deploy/dev"
)

func devCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "dev", Short: "A real Kafka broker and ClickHouse engine on loopback ports", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	dir := c.PersistentFlags().String("dir", dev.DefaultDir(), "where data, logs and dev.env are kept")
	c.AddCommand(&cobra.Command{
		Use: "up", Short: "Start them, fetching what is missing; prints their addresses and the env file", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			services, err := dev.Up(c.Context(), *dir, os.Stderr)
			if err != nil {
				return fmt.Errorf("dev up: %w", err)
			}
			fmt.Print(services.Env())
			fmt.Fprintf(os.Stderr, "the addresses stand in %s; stop both with touchstream dev down\n", services.EnvFile)
			return nil
		},
	}, &cobra.Command{
		Use: "down", Short: "Stop them; their data stays for the next up", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dev.Down(c.Context(), *dir, os.Stderr); err != nil {
				return fmt.Errorf("dev down: %w", err)
			}
			return nil
		},
	})
	return c
}
