package event

import (
	"bytes"
	"hash/maphash"
)

// KnownBots are parts of the user agents of crawlers, monitors and scripted
// clients, in lower case.
var KnownBots = []string{
	"bot", "crawl", "spider", "slurp", "headless", "lighthouse", "pingdom", "uptime", "monitor", "facebookexternalhit",
	"mediapartners-google", "preview", "scrapy", "curl/", "wget/", "python-requests", "python-urllib", "aiohttp", "go-http-client",
	"java/", "okhttp-probe", "phantomjs", "selenium", "puppeteer", "playwright", "httpclient", "libwww-perl", "validator",
}

// BotTest judges user agents by parts of their text. The newest judgements are
// kept, for a few agents make most events. It is for one goroutine.
type BotTest struct {
	parts [][]byte
	seed  maphash.Seed
	cache [1024]struct {
		hash  uint64
		isBot bool
	}
	lower []byte
}

// NewBotTest makes a test for parts in lower case.
func NewBotTest(parts []string) *BotTest {
	t := &BotTest{seed: maphash.MakeSeed()}
	for _, p := range parts {
		t.parts = append(t.parts, []byte(p))
	}
	return t
}

// Is reports whether the user agent is a bot's.
func (t *BotTest) Is(agent []byte) bool {
	h := maphash.Bytes(t.seed, agent) | 1
	c := &t.cache[h>>32%uint64(len(t.cache))]
	if c.hash == h {
		return c.isBot
	}
	t.lower = appendLower(t.lower[:0], agent)
	c.hash, c.isBot = h, false
	for _, p := range t.parts {
		if bytes.Contains(t.lower, p) {
			c.isBot = true
			break
		}
	}
	return c.isBot
}
