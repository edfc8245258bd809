package pipeline

import (
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	retryWaitMin, retryWaitMax, tick = 20*time.Microsecond, time.Millisecond, time.Millisecond
	os.Exit(m.Run())
}
