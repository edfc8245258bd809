package decode

import (
	"bytes"

	"touchstream/pipeline/event"
)

// PathOf gives the path of a URL, without query and fragment; nothing if the
// URL ends behind its host.
func PathOf(b *event.Batch, url event.Str) event.Str {
	text := b.Bytes(url)
	if i := bytes.Index(text, []byte("://")); i >= 0 {
		cut := i + 3
		for cut < len(text) && text[cut] != '/' && text[cut] != '?' && text[cut] != '#' {
			cut++
		}
		if cut == len(text) {
			return event.Str{}
		}
		url = event.Str{Off: url.Off + uint32(cut), Len: url.Len - uint32(cut)}
	}
	return CutQuery(b, url)
}

// CutQuery cuts query and fragment off a path.
func CutQuery(b *event.Batch, path event.Str) event.Str {
	// Paths are short: a loop over their bytes beats bytes.IndexAny.
	for i, c := range b.Bytes(path) {
		if c == '?' || c == '#' {
			path.Len = uint32(i)
			break
		}
	}
	if path.Len == 0 {
		return event.Str{}
	}
	return path
}
