package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// effect is what a change of a setting means for a state that is kept.
type effect uint8

const (
	// noEffect: no row depends on it, also not in a replay.
	noEffect effect = iota
	// goesOn: rows from then on depend on it; behind a stop in order the state
	// goes on.
	goesOn
	// startsOver: the state was made under the former value and has no meaning
	// under the new one.
	startsOver
	// isPlace: the sink has written to the former one, and goes on there alone.
	isPlace
	// isFixed: not even a replay can change it for a state.
	isFixed
)

// effects are by the settings' paths, * standing for one name; the first that
// fits or begins a path counts.
var effects = []struct {
	path string
	effect
}{
	{"shards", isFixed},
	{"name", isFixed},
	{"operators", startsOver},
	{"identity", startsOver},
	{"dedup", startsOver},
	{"venue", startsOver},
	{"calendars", startsOver},
	{"time.idle_after", noEffect},
	{"time.max_skew", noEffect},
	{"time", goesOn},
	{"bots", goesOn},
	{"state.memory_max", goesOn},
	{"sources.*.idle_after", noEffect},
	{"sources.*.max_skew", noEffect},
	{"sources.*.time.idle_after", noEffect},
	{"sources.*.time.max_skew", noEffect},
	{"sources.*.start", noEffect},
	{"sources.*.kafka.topics", goesOn},
	{"sources.*.kafka", noEffect},
	// A place in the files' order says nothing about one in the order of time.
	{"sources.*.file.sort", startsOver},
	// Positions in one log mean nothing in another.
	{"sources.*.transport", startsOver},
	{"sources.*.generator", startsOver},
	{"sources", goesOn},
	{"sinks.*.tables", goesOn},
	{"sinks.*.file.dir", isPlace},
	{"sinks.*.file.format", isPlace},
	{"sinks.*.stdout.tables", goesOn},
}

func effectOf(path string) effect {
	parts := strings.Split(path, ".")
	for _, e := range effects {
		if want := strings.Split(e.path, "."); len(want) <= len(parts) && fits(want, parts) {
			return e.effect
		}
	}
	return noEffect
}

func fits(want, parts []string) bool {
	for i, w := range want {
		name, _, _ := strings.Cut(parts[i], "[")
		if w != "*" && w != name {
			return false
		}
	}
	return true
}

// secretKey is the setting whose value is never shown.
const secretKey = "identity.key"

// settingsOfState are the settings on which rows or the state depend.
func (b *built) settingsOfState() ([]pipeline.Setting, error) {
	var out []pipeline.Setting
	for _, s := range b.file.Settings() {
		switch {
		case s.Path == secretKey:
			// The key itself stays a secret; two keys give two hashes.
			s.Value = b.pipeline.Hasher.Sum(event.TagText, []byte(s.Path)).String()
		case s.Path == "venue" && b.settings.Venue != "":
			text, err := os.ReadFile(b.settings.Venue)
			if err != nil {
				return nil, err
			}
			sum := sha256.Sum256(text)
			s.Value = "file with sha256 " + hex.EncodeToString(sum[:8])
		}
		if effectOf(s.Path) != noEffect {
			out = append(out, pipeline.Setting{Key: s.Path, Value: s.Value})
		}
	}
	for _, src := range b.settings.sources {
		out = append(out, pipeline.Setting{Key: "sources." + src.name + ".transport", Value: src.transport})
	}
	for _, k := range b.settings.sinks {
		out = append(out, pipeline.Setting{Key: "sinks." + k.name + ".tables", Value: strings.Join(k.tables, " ")})
	}
	return out, nil
}

// comparePlans says why a state cannot go on under other settings, all reasons
// at once. where names the folders of the state.
func comparePlans(former, now []pipeline.Setting, replays bool, where string, log *slog.Logger) error {
	var errs []error
	was, is := byKey(former), byKey(now)
	operators := map[string]bool{}
	for _, s := range union(former, now) {
		before, after := was[s], is[s]
		if before == after {
			continue
		}
		if o := operatorOf(s); o != "" {
			if !operators[o] {
				operators[o] = true
				errs = append(errs, compareOperator(o, union(former, now), was, is))
			}
			continue
		}
		if s == secretKey {
			before, after = "another key", "this one"
		}
		change := fmt.Sprintf("%s: the state was made with %s, the configuration has %s", s, orNothing(before), orNothing(after))
		switch e := effectOf(s); {
		case s == "name":
			errs = append(errs, fmt.Errorf("%s: the state in %s is that of pipeline %s, and this is pipeline %s; give each folders of its own by state.dir and state.snapshots", change, where, orNothing(before), orNothing(after)))
		case e == isFixed:
			errs = append(errs, fmt.Errorf("%s: it is fixed for the life of a state; set it back, or reset the state and start over", change))
		case e == isPlace && !isWholeSink(s, was, is):
			errs = append(errs, fmt.Errorf("%s: the sink goes on in the files that it has written; set it back, or rename the sink as well, which then gets what comes from now on", change))
		case e == isPlace:
		case e == startsOver && !isWholeSource(s, before, after):
			errs = append(errs, fmt.Errorf("%s: what is in the state has no meaning under it; set it back, or reset the state so that all is computed again from start", change))
		case replays:
			errs = append(errs, fmt.Errorf("%s: the last run did not stop in order, and what it did must be replayed as it was; start once with the former value and stop by SIGTERM, then change it", change))
		default:
			log.Info("setting changed; the state goes on with it", "setting", s, "former", before, "now", after)
		}
	}
	return errors.Join(errs...)
}

// operatorOf is the path of the operator of a setting, empty if it is of none.
func operatorOf(setting string) string {
	parts := strings.Split(setting, ".")
	n := 2
	if len(parts) > 1 && parts[1] == "windows" {
		n = 3
	}
	if parts[0] != "operators" || len(parts) < n {
		return ""
	}
	return strings.Join(parts[:n], ".")
}

// compareOperator says in one line how an operator's settings differ.
func compareOperator(operator string, keys []string, was, is map[string]string) error {
	var before, after []string
	isNew, isGone := true, true
	for _, k := range keys {
		if operatorOf(k) != operator {
			continue
		}
		isNew, isGone = isNew && was[k] == "", isGone && is[k] == ""
		if was[k] != is[k] {
			name := strings.TrimPrefix(strings.TrimPrefix(k, operator), ".")
			before = append(before, name+" "+orNothing(was[k]))
			after = append(after, name+" "+orNothing(is[k]))
		}
	}
	made, has := "with "+strings.Join(before, ", "), "has "+strings.Join(after, ", ")
	if isNew {
		made, has = "without it", "has it"
	}
	if isGone {
		made, has = "with it", "lacks it"
	}
	return fmt.Errorf("%s: the state was made %s, the configuration %s: what is in the state has no meaning under it; set it back, or reset the state so that all is computed again from start", operator, made, has)
}

// isWholeSource reports whether a setting is there because a source was added,
// or is gone because it was taken away.
func isWholeSource(setting, before, after string) bool {
	return strings.HasPrefix(setting, "sources.") && (before == "" || after == "")
}

// isWholeSink reports whether a setting is there because a sink was added, or is
// gone because it was taken away.
func isWholeSink(setting string, was, is map[string]string) bool {
	parts := strings.SplitN(setting, ".", 3)
	tables := parts[0] + "." + parts[1] + ".tables"
	_, before := was[tables]
	_, after := is[tables]
	return !before || !after
}

func byKey(list []pipeline.Setting) map[string]string {
	m := make(map[string]string, len(list))
	for _, s := range list {
		m[s.Key] = s.Value
	}
	return m
}

// union lists the keys of both in their order.
func union(a, b []pipeline.Setting) []string {
	var keys []string
	seen := map[string]bool{}
	for _, list := range [][]pipeline.Setting{a, b} {
		for _, s := range list {
			if !seen[s.Key] {
				seen[s.Key] = true
				keys = append(keys, s.Key)
			}
		}
	}
	return keys
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
