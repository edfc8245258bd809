package config

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
)

// Secret is a text that is never printed; Reveal gives it.
type Secret string

const masked = "******"

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString hides the secret.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the secret in JSON and in logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Duration declares a duration; the target is in milliseconds. An empty
// default is zero.
func (s *Section) Duration(key string, target *int64, def, doc string) *Key {
	return s.unit(key, target, def, doc, "duration", "a duration such as 30m, 90s or 30d", ParseDuration, FormatDuration)
}

// Size declares a number of bytes, such as 64MiB.
func (s *Section) Size(key string, target *int64, def, doc string) *Key {
	return s.unit(key, target, def, doc, "size", "a size such as 64MiB or 4GiB", ParseSize, FormatSize)
}

// Count declares a number with an optional suffix, such as 50M.
func (s *Section) Count(key string, target *int64, def, doc string) *Key {
	return s.unit(key, target, def, doc, "count", "a count such as 50M, 100k or 4096", ParseCount, FormatCount)
}

// TimeOfDay declares a time of day; the target is in milliseconds from
// midnight, -1 for none. The default none is written none.
func (s *Section) TimeOfDay(key string, target *int64, def, doc string) *Key {
	parse := func(text string) (int64, error) {
		if text == "none" {
			return -1, nil
		}
		return ParseTimeOfDay(text)
	}
	return s.unit(key, target, def, doc, "time of day", "a time of day such as 09:00, or none", parse, FormatTimeOfDay)
}

// unit reads a number that is written with a unit.
func (s *Section) unit(key string, target *int64, def, doc, kind, want string,
	parse func(string) (int64, error), format func(int64) string) *Key {
	*target = mustDefault(s.path, key, def, parse)
	k, n := s.scalar(key, kind, def, doc, want)
	k.format = format
	if n != nil {
		value, err := parse(n.text)
		switch {
		case errors.Is(err, errRange):
			k.unusable(n.text + " is too large")
		case err != nil:
			k.misfit(want, n)
		default:
			*target = value
		}
	}
	k.whole = *target
	s.setting(k, format(*target))
	return k
}

// mustDefault parses a default; one that does not parse is a mistake of the
// declaration, which its first use shows.
func mustDefault[T int64 | float64](path, key, def string, parse func(string) (T, error)) T {
	if def == "" {
		return 0
	}
	value, err := parse(def)
	if err != nil {
		panic("config: default of " + join(path, key) + ": " + err.Error())
	}
	return value
}

// Int declares a whole number.
func (s *Section) Int(key string, target *int, def int, doc string) *Key {
	*target = def
	const want = "a whole number"
	k, n := s.scalar(key, "integer", strconv.Itoa(def), doc, want)
	if n != nil {
		value, err := strconv.ParseInt(n.text, 10, strconv.IntSize)
		switch {
		case errors.Is(err, strconv.ErrRange):
			k.unusable(n.text + " is out of range")
		case err != nil || n.quoted && !n.fromEnv:
			k.misfit(want, n)
		default:
			*target = int(value)
		}
	}
	k.whole = int64(*target)
	s.setting(k, strconv.Itoa(*target))
	return k
}

// Float declares a number.
func (s *Section) Float(key string, target *float64, def float64, doc string) *Key {
	*target = def
	const want = "a number"
	k, n := s.scalar(key, "number", formatFloat(def), doc, want)
	k.isFloat = true
	if n != nil {
		value, err := strconv.ParseFloat(n.text, 64)
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) || n.quoted && !n.fromEnv {
			k.misfit(want, n)
		} else {
			*target = value
		}
	}
	k.fraction = *target
	s.setting(k, formatFloat(*target))
	return k
}

// Percent declares a share written as 10% or 0.5%; the target is from 0 to 1.
func (s *Section) Percent(key string, target *float64, def, doc string) *Key {
	*target = mustDefault(s.path, key, def, parsePercent)
	const want = "a share from 0% to 100%"
	k, n := s.scalar(key, "share", def, doc, want)
	k.isFloat = true
	if n != nil {
		value, err := parsePercent(n.text)
		if err != nil {
			k.misfit(want, n)
		} else {
			*target = value
		}
	}
	k.fraction = *target
	s.setting(k, formatFloat(*target*100)+"%")
	return k
}

func parsePercent(s string) (float64, error) {
	if len(s) == 0 || s[len(s)-1] != '%' {
		return 0, strconv.ErrSyntax
	}
	value, err := strconv.ParseFloat(s[:len(s)-1], 64)
	if err != nil {
		return 0, err
	}
	if !(value >= 0 && value <= 100) {
		return 0, strconv.ErrRange
	}
	return value / 100, nil
}

// Bool declares a flag.
func (s *Section) Bool(key string, target *bool, def bool, doc string) *Key {
	*target = def
	const want = "true or false"
	k, n := s.scalar(key, "flag", strconv.FormatBool(def), doc, want)
	if n != nil {
		value, ok := n.truth()
		if !ok {
			k.misfit(want, n)
		} else {
			*target = value
		}
	}
	s.setting(k, strconv.FormatBool(*target))
	return k
}

// String declares a text. A number is taken as it is written.
func (s *Section) String(key string, target *string, def, doc string) *Key {
	return s.text(key, target, def, doc, "text")
}

// Enum declares a text that is one of the choices.
func (s *Section) Enum(key string, target *string, def, doc string, choices ...string) *Key {
	*target = def
	value := ""
	k := s.text(key, &value, def, doc, "choice").OneOf(choices...)
	if contains(choices, value) {
		*target = value
	}
	return k
}

// Path declares the path of a file or folder; a relative one starts at the
// configuration file's folder. An empty one stays empty.
func (s *Section) Path(key string, target *string, def, doc string) *Key {
	k := s.text(key, target, def, doc, "path")
	*target = s.resolve(*target)
	return k
}

func (s *Section) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.run.file.dir, path)
}

func (s *Section) text(key string, target *string, def, doc, kind string) *Key {
	*target = def
	written := def
	if def != "" {
		written = flowText(def)
	}
	k, n := s.scalar(key, kind, written, doc, "a text")
	if n != nil {
		if text, ok := plainText(n); ok {
			*target = text
		} else {
			k.misfit("a text", n)
		}
	}
	k.texts, k.positions = []string{*target}, []Pos{s.Pos(key)}
	s.setting(k, flowText(*target))
	return k
}

// plainText is a scalar as a text; a flag is none unless it is in quotes.
func plainText(n *node) (string, bool) {
	if n.kind != scalarKind {
		return "", false
	}
	if _, flag := n.truth(); flag && !n.fromEnv {
		return "", false
	}
	return n.text, true
}

// Secret declares a text that is never printed.
func (s *Section) Secret(key string, target *Secret, doc string) *Key {
	*target = ""
	k, n := s.scalar(key, "secret", "", doc, "a text")
	if n != nil {
		*target = Secret(n.text)
	}
	k.texts, k.positions = []string{string(*target)}, []Pos{s.Pos(key)}
	s.setting(k, flowText(target.String()))
	return k
}

// scalar begins the declaration of a scalar key. The node is nil if the key is
// absent or holds something else, which is a fault then.
func (s *Section) scalar(key, kind, def, doc, want string) (*Key, *node) {
	k := &Key{section: s, name: key}
	n, pos := s.open(key, doc, kind)
	k.doc = s.run.defaultOf(pos.Path, def, def != "")
	if n == nil {
		return k, nil
	}
	if n.kind == nullKind {
		k.fault("%s is expected, found nothing; leave the key out for the default", want)
		return k, nil
	}
	if n.kind != scalarKind || n.isFaulty {
		k.misfit(want, n)
		return k, nil
	}
	k.present = true
	return k, n
}

// unusable reports a value that does not parse.
func (k *Key) unusable(message string) {
	k.present = false
	k.fault("%s", message)
}

func (k *Key) misfit(want string, n *node) {
	k.present = false
	k.section.misfit(k.name, k.section.Pos(k.name), want, n)
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
