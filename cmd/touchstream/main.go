// Command touchstream runs the pipeline; see touchstream --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	_ "time/tzdata" // time zones also where the system has none

	"github.com/spf13/cobra"

	"touchstream/deploy/dev"
	"touchstream/pipeline/config"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // at run time
	exitUsage  = 2 // wrong usage or configuration
	exitDiffer = 3 // verify found a difference
)

// usageError is an error of the command line.
type usageError struct{ error }

func main() {
	dev.ChildMain()
	os.Exit(execute(os.Args[1:]))
}

func execute(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	return exitCode(err)
}

// loggedError is an error that stands in the log already.
type loggedError struct{ error }

func (loggedError) Error() string   { return "" }
func (l loggedError) Unwrap() error { return l.error }

func logged(err error) error {
	if err == nil {
		return nil
	}
	return loggedError{err}
}

func exitCode(err error) int {
	var usage usageError
	var faults config.Faults
	if errors.Is(err, errDifferent) {
		return exitDiffer
	}
	if errors.As(err, &usage) || errors.As(err, &faults) {
		return exitUsage
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "touchstream",
		Short:         "Real-time pipeline from touchpoint events to customer facts and triggers",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%s: %w; see %s --help", c.CommandPath(), err, c.CommandPath())}
	})
	root.PersistentFlags().String("log-level", "", "debug, info, warn or error (default: log.level of the configuration)")
	root.AddCommand(runCommand(), validateCommand(), generateCommand(), demoCommand(), devCommand(), schemaCommand(), verifyCommand(), resetCommand(), versionCommand())
	return root
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s: unknown argument %q; see %s --help", c.CommandPath(), args[0], c.CommandPath())}
	}
	return nil
}

// configFlag adds -c to a command.
func configFlag(c *cobra.Command) *string {
	path := c.Flags().StringP("config", "c", "", "configuration file")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if *path == "" {
			return usageError{fmt.Errorf("%s: -c FILE is required", c.CommandPath())}
		}
		return nil
	}
	return path
}
