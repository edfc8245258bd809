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
		slash := bytes.IndexAny(text[i+3:], "/?#")
		if slash < 0 {
			return event.Str{}
		}
		cut := uint32(i + 3 + slash)
		url = event.Str{Off: url.Off + cut, Len: url.Len - cut}
	}
	return CutQuery(b, url)
}

// CutQuery cuts query and fragment off a path.
func CutQuery(b *event.Batch, path event.Str) event.Str {
	if i := bytes.IndexAny(b.Bytes(path), "?#"); i >= 0 {
		path.Len = uint32(i)
	}
	if path.Len == 0 {
		return event.Str{}
	}
	return path
}
