package pipeline

import (
	"errors"
	"fmt"
	"slices"
)

// mayGoOn says whether this program and configuration may go on with what was
// recovered. Behind a stop in order nearly all may be another; behind a crash
// the journal must be replayed by what has written it.
func (p *Pipeline) mayGoOn(r *recovery) error {
	// What is replayed was made under another configuration than this one.
	other := slices.ContainsFunc(r.entries, func(e *entry) bool { return e.plan != planDigest(p.cfg.Plan) })
	if h := r.snapshot; h != nil {
		if err := p.mayLeaveOut(h); err != nil {
			return err
		}
		if c := p.cfg.ComparePlan; c != nil {
			if err := c(h.plan, other); err != nil {
				return err
			}
		}
	}
	for _, e := range r.entries {
		if e.version == p.cfg.Version {
			continue
		}
		return fmt.Errorf("the journal was written by version %s, which did not stop in order; this is version %s: start version %s once more so that it replays its journal, stop it by SIGTERM, then start this one; or reset the state",
			e.version, p.cfg.Version, e.version)
	}
	if other {
		return fmt.Errorf("the configuration is another one than that of the journal, which was not ended in order: start once with the former configuration and stop by SIGTERM, or reset the state")
	}
	return nil
}

// mayLeaveOut says whether rows wait for a sink that is not configured any more:
// nobody would ever deliver them.
func (p *Pipeline) mayLeaveOut(h *head) error {
	var errs []error
	for _, s := range h.sinks {
		if slices.ContainsFunc(p.cfg.Sinks, func(c SinkConfig) bool { return c.Name == s.sink }) {
			continue
		}
		for _, c := range h.counters {
			if c.name == waitingPrefix+s.sink && c.n > 0 {
				errs = append(errs, fmt.Errorf("sinks.%s is not configured any more, and %d rows wait for it: configure it again under this name until they are delivered, or reset the state", s.sink, c.n))
			}
		}
	}
	return errors.Join(errs...)
}
