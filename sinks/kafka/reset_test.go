package kafka

import (
	"slices"
	"testing"
)

func TestReset(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, name(t))
		r.start()
		r.commit()
		r.commit()
		says(t, newRig(t, brokers, r.cfg.Name).ledger.Reset(deadline(t), 7), false, "an instance of "+r.cfg.Name+" runs on", "stop it first")
		r.close()

		by := newRig(t, brokers, r.cfg.Name).ledger
		if err := by.Reset(deadline(t), 7); err != nil {
			t.Fatal(err)
		}
		if err := by.Close(); err != nil {
			t.Fatal(err)
		}
		again := newRig(t, brokers, r.cfg.Name)
		if got := again.start(); got != nil {
			t.Errorf("after the reset the journal has %v", got)
		}
		if g, err := again.ledger.Generation(); g != 7 || err != nil {
			t.Errorf("generation %d, %v, want 7", g, err)
		}
		again.ledger.doubt() // What follows a mark must not be taken for another's.
		again.commit()
		again.commit()
		again.close()
		last := newRig(t, brokers, r.cfg.Name)
		if got, want := last.start(), []string{"1=entry 1", "2=entry 2"}; !slices.Equal(got, want) {
			t.Errorf("read %v, want %v", got, want)
		}
		if g, err := last.ledger.Generation(); g != 7 || err != nil {
			t.Errorf("after entries generation %d, %v, want 7", g, err)
		}
	})
}

// TestResetBrokenOff: a mark is enough, whoever comes next does the rest.
func TestResetBrokenOff(t *testing.T) {
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), "shop")
	r.start()
	r.commit()
	producer, err := r.ledger.newProducer(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ledger.writeMark(deadline(t), producer, 9); err != nil {
		t.Fatal(err)
	}
	producer.Close()
	r.close()
	again := newRig(t, c.ListenAddrs(), "shop")
	if got := again.start(); got != nil {
		t.Errorf("the journal has %v", got)
	}
	if g, err := again.ledger.Generation(); g != 9 || err != nil {
		t.Errorf("generation %d, %v, want 9", g, err)
	}
}

// TestResetDuringAFreeze: an instance that slept through a reset does not write
// behind it.
func TestResetDuringAFreeze(t *testing.T) {
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), "shop")
	r.ledger.standing.group += ".other"
	r.start()
	r.commit()
	by := newRig(t, c.ListenAddrs(), "shop").ledger
	if err := by.Reset(deadline(t), 7); err != nil {
		t.Fatal(err)
	}
	defer by.Close()
	err := r.insist(r.cut())
	says(t, err, false, "another process has taken over", "was reset")
}
