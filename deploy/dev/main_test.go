package dev_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
)

// parentVariable makes this binary a program that starts an engine in the
// named folder and waits to be killed.
const parentVariable = "TOUCHSTREAM_DEV_TEST_PARENT"

func TestMain(m *testing.M) {
	dev.ChildMain()
	if dir := os.Getenv(parentVariable); dir != "" {
		c, err := dev.StartClickHouse(context.Background(), dev.Config{Dir: dir})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready")
		<-c.Done()
		os.Exit(0)
	}
	devtest.Main(m)
}
