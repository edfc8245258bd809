package segment

import (
	"bytes"
	"hash/maphash"

	"touchstream/pipeline/event"
)

// word is a text that decoding writes by itself.
type word uint8

const (
	noWord word = iota
	wordWeb
	wordApp
	deviceBot
	devicePhone
	deviceTablet
	deviceDesktop
	wordRoot
)

// words are the texts; devices as they stand in device_type.
var words = [...]string{
	noWord: "", wordWeb: "web", wordApp: "app",
	deviceBot: "bot", devicePhone: "phone", deviceTablet: "tablet", deviceDesktop: "desktop", wordRoot: "/",
}

// devices tells kinds of devices from user agents. The newest answers are kept,
// for a few agents make most events.
type devices struct {
	seed  maphash.Seed
	cache [512]struct {
		hash uint64
		kind word
	}
	lower []byte
}

// of gives the kind of device of a user agent, noWord if it does not tell.
func (d *devices) of(agent []byte) word {
	h := maphash.Bytes(d.seed, agent) | 1
	c := &d.cache[h>>32%uint64(len(d.cache))]
	if c.hash != h {
		d.lower = append(d.lower[:0], agent...)
		for i, ch := range d.lower {
			if 'A' <= ch && ch <= 'Z' {
				d.lower[i] = ch | 0x20
			}
		}
		c.hash, c.kind = h, kindOf(d.lower)
	}
	return c.kind
}

// kindOf judges a user agent in lower case.
func kindOf(agent []byte) word {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if bytes.Contains(agent, []byte(p)) {
				return true
			}
		}
		return false
	}
	isAndroid := has("android")
	switch {
	case has(event.KnownBots...):
		return deviceBot
	case has("ipad", "tablet", "kindle", "silk/", "playbook"), isAndroid && !has("mobile"):
		return deviceTablet
	case has("iphone", "ipod", "mobi", "windows phone", "blackberry", "opera mini"), isAndroid:
		return devicePhone
	case has("windows", "macintosh", "mac os x", "x11", "linux", "cros"):
		return deviceDesktop
	}
	return noWord
}

// kindOfType reads context.device.type, in which mobile libraries put the
// operating system; noWord for any other text.
func kindOfType(t []byte) word {
	switch string(t) {
	case "ios", "iOS", "android", "Android", "mobile", "Mobile", "smartphone", "phone":
		return devicePhone
	case "tablet", "Tablet", "ipados", "iPadOS":
		return deviceTablet
	case "desktop", "Desktop", "macos", "windows", "linux", "browser":
		return deviceDesktop
	}
	return noWord
}
