package disk

import (
	"errors"
	"os"
)

// Open opens a file and keeps what is in it; it makes one that is missing.
// Until it is closed nobody else can open or create it, in this process or
// another.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, Explain(path, err)
	}
	if _, err := lock(f); err != nil {
		return nil, errors.Join(Explain(path, err), f.Close())
	}
	return f, nil
}

// SyncDir makes the names in a folder durable: files made, renamed and removed.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return Explain(dir, err)
	}
	return errors.Join(Explain(dir, f.Sync()), f.Close())
}
