package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

const (
	generationMagic = "tsgenrtn"
	generationBytes = 16 // magic, generation, checksum
)

// Generation is the generation of the state, 0 before the first Reset. The
// error of a damaged file is marked by pipeline.ErrDamaged.
func (f *Files) Generation() (uint32, error) {
	path := filepath.Join(f.dir, "generation")
	data, err := f.readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, disk.Explain(path, err)
	}
	if len(data) != generationBytes || string(data[:8]) != generationMagic ||
		crc32.Checksum(data[:12], castagnoli) != binary.LittleEndian.Uint32(data[12:]) {
		return 0, fmt.Errorf("%s is %w; bring back the file from a copy, or begin a new state", path, pipeline.ErrDamaged)
	}
	return binary.LittleEndian.Uint32(data[8:]), nil
}

// Reset begins the next generation of the state: all entries so far are void
// from the moment that its number is durable, and are deleted then.
func (f *Files) Reset(generation uint32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fenced(); err != nil {
		return err
	}
	data := append(make([]byte, 0, generationBytes), generationMagic...)
	data = binary.LittleEndian.AppendUint32(data, generation)
	data = binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
	if err := f.replace("generation", data); err != nil {
		return err
	}
	return f.forget()
}

// replace writes a file in one move: a crash leaves the old one or the new one.
func (f *Files) replace(name string, data []byte) error {
	path := filepath.Join(f.dir, name)
	err := f.writeSynced(path+".tmp", data)
	if err == nil {
		err = f.fs.Rename(path+".tmp", path)
	}
	if err != nil {
		return full(errors.Join(disk.Explain(path, err), f.removeIfThere(path+".tmp")))
	}
	return f.syncDir()
}

func (f *Files) readFile(path string) ([]byte, error) {
	file, err := f.fs.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

func (f *Files) writeSynced(path string, data []byte) error {
	file, err := f.fs.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func (f *Files) removeIfThere(path string) error {
	if err := f.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Explain(path, err)
	}
	return nil
}

// syncDir makes names of the folder durable.
func (f *Files) syncDir() error { return full(f.fs.SyncDir(f.dir)) }

// full marks the error of a full disk as one that goes away.
func full(err error) error {
	if disk.IsFull(err) {
		return pipeline.Retryable(err)
	}
	return err
}
