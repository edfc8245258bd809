package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"touchstream/pipeline/disk"
)

// Reader reads a snapshot. Its sections may be read in parallel.
type Reader struct {
	path       string
	file       io.ReaderAt
	close      func() error
	generation uint32
	number     int64
	places     []place
}

// Open checks all but the sections. The error of a damaged snapshot is marked
// by ErrDamaged.
func (s Store) Open(path string) (*Reader, error) {
	f, err := s.fs.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, disk.Explain(path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(disk.Explain(path, err), f.Close())
	}
	r := &Reader{path: path, file: f, close: f.Close}
	if err := r.open(info.Size()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if generation, number, ok := parseName(filepath.Base(path)); ok && (generation != r.generation || number != r.number) {
		return nil, errors.Join(r.damaged("", 0, fmt.Errorf("the file holds commit %d of generation %d", r.number, r.generation)), f.Close())
	}
	return r, nil
}

func (r *Reader) damaged(section string, offset int64, cause error) error {
	return &Damage{r.path, section, offset, cause}
}

func (r *Reader) open(size int64) error {
	if size < headerBytes+trailerBytes {
		return r.damaged("", 0, fmt.Errorf("the file has only %d bytes", size))
	}
	var h [headerBytes]byte
	if _, err := r.file.ReadAt(h[:], 0); err != nil {
		return r.damaged("", 0, err)
	}
	var err error
	if r.generation, r.number, err = parseHeader(h[:]); err != nil {
		return r.damaged("", 0, err)
	}
	at := size - trailerBytes
	var t [trailerBytes]byte
	if _, err := r.file.ReadAt(t[:], at); err != nil {
		return r.damaged("", at, err)
	}
	offset, length, sum, err := parseTrailer(t[:], size)
	if err != nil {
		return r.damaged("", at, err)
	}
	index := make([]byte, length)
	if _, err := r.file.ReadAt(index, offset); err != nil {
		return r.damaged("", offset, err)
	}
	if crc32.Checksum(index, castagnoli) != sum {
		return r.damaged("", offset, errors.New("the index's checksum is wrong"))
	}
	if r.places, err = parseIndex(index, offset); err != nil {
		return r.damaged("", offset, err)
	}
	return nil
}

// Generation is the generation of the state.
func (r *Reader) Generation() uint32 { return r.generation }

// Number is the commit behind which the snapshot lies.
func (r *Reader) Number() int64 { return r.number }

// Sections names the sections in their order.
func (r *Reader) Sections() []string {
	var out []string
	for _, p := range r.places {
		out = append(out, p.name)
	}
	return out
}

// Section reads a section from its beginning. Every frame is verified before a
// byte of it is given.
func (r *Reader) Section(name string) (io.Reader, error) {
	for i, p := range r.places {
		if p.name == name {
			return &section{r: r, id: uint32(i + 1), place: p, at: p.start}, nil
		}
	}
	return nil, fmt.Errorf("%s: there is no section %q; another configuration or version wrote this snapshot", r.path, name)
}

// Close closes the file; sections cannot be read any more.
func (r *Reader) Close() error { return disk.Explain(r.path, r.close()) }

// section is an io.Reader of one section.
type section struct {
	r     *Reader
	id    uint32
	place place
	at    int64 // of the next frame
	given int64 // bytes in frames so far
	buf   []byte
	left  []byte // of the frame
	err   error
}

func (s *section) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		if s.err == nil {
			s.err = s.next()
		}
		if s.err != nil {
			return 0, s.err
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// WriteTo writes the section frame by frame, without a copy of it.
func (s *section) WriteTo(w io.Writer) (written int64, err error) {
	for {
		n, err := w.Write(s.left)
		written, s.left = written+int64(n), s.left[n:]
		if err != nil {
			return written, err
		}
		if s.err == nil {
			s.err = s.next()
		}
		if s.err != nil {
			if errors.Is(s.err, io.EOF) {
				return written, nil
			}
			return written, s.err
		}
	}
}

// next reads a frame.
func (s *section) next() error {
	if s.at == s.place.end {
		if s.given != s.place.bytes {
			return s.damaged(fmt.Errorf("it has %d bytes, and %d by the index", s.given, s.place.bytes))
		}
		return io.EOF
	}
	room := s.place.end - s.at
	if room < frameHeader {
		return s.damaged(errors.New("the last frame does not fit"))
	}
	if s.buf == nil {
		s.buf = make([]byte, min(frameHeader+frameBytesMax, room))
	}
	// A frame in the middle is full: most often this reads it at once.
	b := s.buf[:min(int64(len(s.buf)), room)]
	if _, err := s.r.file.ReadAt(b, s.at); err != nil {
		return s.damaged(noEOF(err))
	}
	length := int64(binary.LittleEndian.Uint32(b[4:]))
	if id := binary.LittleEndian.Uint32(b); id != s.id || length == 0 || length > frameBytesMax || frameHeader+length > int64(len(b)) {
		return s.damaged(fmt.Errorf("a frame of section %d with %d bytes does not fit here", id, length))
	}
	b = b[:frameHeader+length]
	if frameSum(s.at, b[:8], b[frameHeader:]) != binary.LittleEndian.Uint32(b[8:]) {
		return s.damaged(errors.New("the checksum is wrong"))
	}
	s.at += int64(len(b))
	s.given += length
	s.left = b[frameHeader:]
	return nil
}

func (s *section) damaged(cause error) error { return s.r.damaged(s.place.name, s.at, cause) }

// noEOF keeps the end of a file that has become shorter from looking like the
// end of a section.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Verify reads a snapshot whole.
func Verify(path string) error {
	r, err := Open(path)
	if err != nil {
		return err
	}
	return errors.Join(r.verify(), r.Close())
}

func (r *Reader) verify() error {
	for _, name := range r.Sections() {
		s, err := r.Section(name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, s); err != nil {
			return err
		}
	}
	return nil
}
