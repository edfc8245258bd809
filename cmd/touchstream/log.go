package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// noStacks is above all levels: a fault is told by its sentence.
const noStacks = slog.LevelError + 1

// newLog makes the logger: JSON lines on stderr, console form on a terminal.
// The command line's level goes before the configuration's.
func newLog(c *cobra.Command, configured string) (*slog.Logger, error) {
	text, err := c.Flags().GetString("log-level")
	if err != nil {
		return nil, err
	}
	if text == "" {
		text = configured
	}
	level, err := zapcore.ParseLevel(text)
	if err != nil || level > zapcore.ErrorLevel {
		return nil, usageError{fmt.Errorf("--log-level: %q is none of debug, info, warn, error", text)}
	}
	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey, cfg.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewJSONEncoder(cfg)
	if term.IsTerminal(int(os.Stderr.Fd())) {
		cfg.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		cfg.EncodeLevel = zapcore.CapitalLevelEncoder
		if canDraw(os.Stderr) && os.Getenv("NO_COLOR") == "" {
			cfg.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		encoder = zapcore.NewConsoleEncoder(cfg)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level)
	log := slog.New(zapslog.NewHandler(core, zapslog.AddStacktraceAt(noStacks)))
	slog.SetDefault(log)
	return log, nil
}

// canDraw reports whether a file is a terminal that knows escape sequences.
func canDraw(f *os.File) bool {
	return os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
