package pipeline

import "time"

func formatTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func formatDuration(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }
