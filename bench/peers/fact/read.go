package fact

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"touchstream/pipeline/money"
)

// ReadSessions reads lines of JSON as peers write them.
func ReadSessions(path string) ([]Session, error) {
	return readLines(path, func(s *Session) (Session, bool, error) { return *s, s.Key != FlushKey, nil })
}

// ReadWindows reads lines of JSON as peers write them.
func ReadWindows(path string) ([]Window, error) {
	return readLines(path, func(w *Window) (Window, bool, error) { return *w, w.Event != FlushEvent, nil })
}

// ourSession is a row of touchstream's table sessions, of which the peers
// compute a part.
type ourSession struct {
	SessionID    string      `json:"session_id"`
	DeviceKey    string      `json:"device_key"`
	Start        time.Time   `json:"start"`
	End          time.Time   `json:"end"`
	Events       int64       `json:"events"`
	PageViews    int64       `json:"page_views"`
	ProductViews int64       `json:"product_views"`
	Adds         int64       `json:"adds"`
	Orders       int64       `json:"orders"`
	Revenue      json.Number `json:"revenue"`
	Revision     int64       `json:"revision"`
	IsDeleted    bool        `json:"is_deleted"`
}

// ReadOurSessions reads the table sessions of a folder that touchstream's file
// sink wrote: of each session the highest revision.
func ReadOurSessions(dir string) ([]Session, error) {
	newest := map[string]ourSession{}
	_, err := readLines(filepath.Join(dir, "sessions.jsonl"), func(s *ourSession) (struct{}, bool, error) {
		if s.Revision > newest[s.SessionID].Revision {
			newest[s.SessionID] = *s
		}
		return struct{}{}, false, nil
	})
	if err != nil {
		return nil, err
	}
	var rows []Session
	for id, s := range newest {
		key, ok := strings.CutPrefix(s.DeviceKey, "anonymous_id:")
		if !ok {
			return nil, fmt.Errorf("session %s: device_key %q is not an anonymous_id", id, s.DeviceKey)
		}
		if s.IsDeleted || key == FlushKey {
			continue
		}
		revenue, ok := money.Parse([]byte(s.Revenue), '.')
		if !ok {
			return nil, fmt.Errorf("session %s: revenue %q is not an amount", id, s.Revenue)
		}
		rows = append(rows, Session{key, s.Start.UnixMilli(), s.End.UnixMilli(), s.Events, s.PageViews, s.ProductViews, s.Adds, s.Orders, revenue})
	}
	return rows, nil
}

// ourWindow is a row of touchstream's window "by_event".
type ourWindow struct {
	Event    string    `json:"event"`
	Start    time.Time `json:"window_start"`
	Events   int64     `json:"events"`
	Revision int64     `json:"revision"`
}

// ReadOurWindows reads the table window_by_event of a folder that touchstream's
// file sink wrote: of each window the highest revision.
func ReadOurWindows(dir string) ([]Window, error) {
	type id struct {
		event string
		start int64
	}
	newest := map[id]ourWindow{}
	_, err := readLines(filepath.Join(dir, "window_by_event.jsonl"), func(w *ourWindow) (struct{}, bool, error) {
		k := id{w.Event, w.Start.UnixMilli()}
		if w.Revision > newest[k].Revision {
			newest[k] = *w
		}
		return struct{}{}, false, nil
	})
	if err != nil {
		return nil, err
	}
	var rows []Window
	for k, w := range newest {
		if k.event != FlushEvent {
			rows = append(rows, Window{k.event, k.start, w.Events})
		}
	}
	return rows, nil
}

// readLines reads a file of one JSON object a line and keeps what keep says.
func readLines[In, Out any](path string, keep func(*In) (Out, bool, error)) (rows []Out, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for n := 1; ; n++ {
		var in In
		if err := dec.Decode(&in); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, n, err)
		}
		out, ok, err := keep(&in)
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, n, err)
		}
		if ok {
			rows = append(rows, out)
		}
	}
}

// Write writes rows as lines of JSON.
func Write[T any](path string, rows []T) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(out)
	for i := range rows {
		if err := enc.Encode(&rows[i]); err != nil {
			return fmt.Errorf("%s: row %d: %w", path, i+1, err)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}
