package kafkaconn

import (
	"strings"
	"testing"
)

func TestCluster(t *testing.T) {
	var first, again, fresh Cluster
	if err := first.Found("A1", "h:1"); err != nil || string(first.Mark()) != "A1" {
		t.Error(err, first.Mark())
	}
	again.Expect(first.Mark())
	if err := again.Found("", "h:1"); err != nil || again.Mark() != nil {
		t.Error("a cluster without an id is compared:", err)
	}
	if err := again.Found("A1", "h:1"); err != nil {
		t.Error(err)
	}
	err := again.Found("B2", "h:1")
	for _, word := range []string{"A1", "B2", "h:1"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Fatalf("%v does not name %s", err, word)
		}
	}
	fresh.Expect(nil)
	if err := fresh.Found("B2", "h:1"); err != nil {
		t.Error(err)
	}
}
