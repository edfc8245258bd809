package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// mayGoOn says whether this program and configuration may go on with what was
// recovered. Behind a stop in order nearly all may be another; behind a crash
// the journal must be replayed by what has written it.
func (p *Pipeline) mayGoOn(r *recovery) error {
	if h := r.snapshot; h != nil {
		if err := p.mayLeaveOut(h); err != nil {
			return err
		}
	}
	if err := p.mayReplay(r); err != nil {
		return err
	}
	if c := p.cfg.ComparePlan; c != nil && r.snapshot != nil {
		return c(r.snapshot.plan, false)
	}
	return nil
}

// mayReplay says whether this program and configuration have written the
// journal.
func (p *Pipeline) mayReplay(r *recovery) error {
	if len(r.entries) == 0 {
		return nil
	}
	first := r.entries[0]
	for _, e := range r.entries {
		if e.version == first.version && e.plan == first.plan {
			continue
		}
		// A stop in order lay between them, and its snapshot is not used.
		others := fmt.Sprintf("versions %s and %s", first.version, e.version)
		if e.version == first.version {
			others = "two configurations" + p.change(r, first, e)
		}
		return fmt.Errorf("the journal behind %s was written by %s one after another, up to commit %d and from commit %d on, and nothing can replay both: the snapshot that was between them is damaged or gone; bring it back from a copy into %s, or reset the state",
			r.from(), others, e.number-1, e.number, p.cfg.SnapshotDir)
	}
	if first.version != p.cfg.Version {
		return fmt.Errorf("the journal behind %s was written by version %s; this is version %s: start version %s once more so that it replays its journal, stop it by SIGTERM, then start this one; or reset the state",
			r.from(), first.version, p.cfg.Version, first.version)
	}
	if first.plan == planDigest(p.cfg.Plan) {
		return nil
	}
	if c := p.cfg.ComparePlan; c != nil {
		if former := r.settingsOf(first.plan); former != nil {
			if err := c(former, true); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("the configuration is another one than that of the journal, which was not ended in order: start once with the former configuration and stop by SIGTERM, or reset the state")
}

// change names the settings that differ between two entries, if they are known.
func (p *Pipeline) change(r *recovery, a, b *entry) string {
	was, is := r.settingsOf(a.plan), r.settingsOf(b.plan)
	if was == nil || is == nil {
		return ""
	}
	var keys []string
	for _, s := range append(slices.Clone(was), is...) {
		if (!slices.Contains(was, s) || !slices.Contains(is, s)) && !slices.Contains(keys, s.Key) {
			keys = append(keys, s.Key)
		}
	}
	return " that differ in " + strings.Join(keys, ", ")
}

// settingsOf are the settings of a plan's digest, nil if nothing tells them.
func (r *recovery) settingsOf(plan uint64) []Setting {
	for _, e := range r.entries {
		if e.settings != nil && e.plan == plan {
			return e.settings
		}
	}
	if r.snapshot != nil && planDigest(r.snapshot.plan) == plan {
		return r.snapshot.plan
	}
	return nil
}

// from names what the journal is replayed from.
func (r *recovery) from() string {
	if r.snapshot == nil {
		return "its first commit"
	}
	return fmt.Sprintf("the snapshot of commit %d", r.snapshot.number)
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
