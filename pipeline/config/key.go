package config

import (
	"regexp"
	"strings"
)

// A Key is a declared scalar or list. Its methods check what was read, and add
// to the documentation.
type Key struct {
	section *Section
	name    string
	present bool // stands in the file with a usable value
	doc     int  // its place in run.docs, or -1

	whole     int64
	fraction  float64
	isFloat   bool
	format    func(int64) string
	texts     []string
	positions []Pos
}

func (k *Key) note(text string) {
	if k.doc >= 0 {
		d := &k.section.run.docs[k.doc]
		d.Rules = append(d.Rules, text)
	}
}

func (k *Key) fault(format string, args ...any) {
	k.section.spoil(k.name, k.section.Pos(k.name).Fault(format, args...))
}

// Required makes the absence of the key a fault.
func (k *Key) Required() *Key {
	k.note("required")
	s := k.section
	if !s.Has(k.name) && !s.quiet && !s.run.describing {
		k.fault("is required")
	}
	return k
}

// Positive makes zero and less a fault.
func (k *Key) Positive() *Key {
	k.note("> 0")
	if k.present && (k.isFloat && k.fraction <= 0 || !k.isFloat && k.whole <= 0) {
		k.fault("must be positive, found %s", k.value())
	}
	return k
}

// Min makes less than low a fault; low is in the unit of the target.
func (k *Key) Min(low int64) *Key {
	k.note("at least " + k.bound(low))
	if k.present && (k.isFloat && k.fraction < float64(low) || !k.isFloat && k.whole < low) {
		k.fault("must be at least %s, found %s", k.bound(low), k.value())
	}
	return k
}

// Max makes more than high a fault; high is in the unit of the target.
func (k *Key) Max(high int64) *Key {
	k.note("at most " + k.bound(high))
	if k.present && (k.isFloat && k.fraction > float64(high) || !k.isFloat && k.whole > high) {
		k.fault("must be at most %s, found %s", k.bound(high), k.value())
	}
	return k
}

// NonEmpty makes an empty text or list, or an empty element, a fault.
func (k *Key) NonEmpty() *Key {
	k.note("not empty")
	if !k.present {
		return k
	}
	if len(k.texts) == 0 {
		k.fault("must not be empty")
	}
	return k.elements()
}

// NonEmptyElements makes an empty element of a list a fault.
func (k *Key) NonEmptyElements() *Key {
	if k.present {
		k.elements()
	}
	return k
}

func (k *Key) elements() *Key {
	for i, text := range k.texts {
		if text == "" {
			k.section.spoil(k.name, k.positions[i].Fault("must not be empty"))
		}
	}
	return k
}

// Match makes texts that the pattern does not match a fault; want says in
// words what matches.
func (k *Key) Match(pattern *regexp.Regexp, want string) *Key {
	k.note(want)
	if !k.present {
		return k
	}
	for i, text := range k.texts {
		if !pattern.MatchString(text) {
			k.section.spoil(k.name, k.positions[i].Fault("%s is expected, found %q", want, clip(text)))
		}
	}
	return k
}

// OneOf makes texts that are not among the choices a fault.
func (k *Key) OneOf(choices ...string) *Key {
	k.note("one of " + strings.Join(choices, ", "))
	if !k.present {
		return k
	}
	for i, text := range k.texts {
		if !contains(choices, text) {
			k.section.spoil(k.name, k.positions[i].Fault("one of %s is expected, found %q", strings.Join(choices, ", "), clip(text)))
		}
	}
	return k
}

func (k *Key) bound(n int64) string {
	if k.format == nil {
		return formatInt(n)
	}
	return k.format(n)
}

func (k *Key) value() string {
	if k.isFloat {
		return formatFloat(k.fraction)
	}
	return k.bound(k.whole)
}
