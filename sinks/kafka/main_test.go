package kafka

import (
	"testing"

	"touchstream/deploy/dev/devtest"
)

func TestMain(m *testing.M) { devtest.Main(m) }
