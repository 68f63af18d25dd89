package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrInUse is wrapped by the error of [OpenJournal] where another process (or this
// one, a second time) has the journal open.
var ErrInUse = errors.New("is in use by another process")

// Journal is the write-ahead journal of one stage, open for appending and locked for
// this process. Its methods may be called concurrently.
//
// After an error the file still ends with a whole line: what was written of the
// failing one has been cut off. Where even that failed, every later call returns the
// error, because a line written after half a line would spoil both.
type Journal struct {
	path   string
	lock   *fileLock
	mu     sync.Mutex
	file   journalFile
	size   int64 // bytes of whole lines in the file; the next line goes there
	enc    encoder
	ledger ledger
	torn   int   // bytes cut off at opening that Begin has yet to note
	broken error // why nothing can be written any more; nil: it can
}

// journalFile is the part of os.File that a journal writes with.
//
// Lines go to a known offset and not through O_APPEND: on Windows a file opened for
// append can't be truncated, and truncating is how half a line is taken back.
type journalFile interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// OpenJournal opens the journal at path, or creates it in its existing folder, locks
// it, and reads what earlier sessions wrote. A torn last line is cut off the file;
// Log.Torn has its length. The lock is a file beside the journal, path + ".lock"; it
// goes away with Close, and one left by a killed process does not matter (only where
// the system knows no file locks must it be removed by hand; the error says so).
func OpenJournal(path string) (*Journal, *Log, error) {
	lock, err := lockFile(path + ".lock")
	if pid, held := heldBy(err); held {
		return nil, nil, fmt.Errorf("journal %s %w (%s)", path, ErrInUse, pid)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("journal %s: lock: %w", path, cause(err))
	}
	j, log, err := openLocked(path)
	if err != nil {
		lock.release()
		return nil, nil, err
	}
	j.lock = lock
	return j, log, nil
}

func openLocked(path string) (*Journal, *Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("journal %s: open: %w", path, cause(err))
	}
	rd := newLogReader(path)
	if err := rd.read(f); err != nil {
		f.Close()
		return nil, nil, err
	}
	if rd.log.Torn > 0 {
		err = f.Truncate(rd.size)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path)) // the file's name must survive a power cut too
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("journal %s: open: %w", path, cause(err))
	}
	j := &Journal{path: path, file: f, size: rd.size, ledger: rd.ledger, torn: rd.log.Torn}
	return j, &rd.log, nil
}

// Begin starts a session: it fills in Type, Session (one more than the last) and
// Schema, PID and Epoch where they are zero (this process, now), and writes the line.
// The session is returned as written, but its Epoch is the one given with its
// monotonic reading. Where opening the journal cut off a torn line, a note says so.
func (j *Journal) Begin(s Session) (Session, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Type, s.Session, s.Schema = typeSession, j.ledger.session+1, SchemaVersion
	if s.PID == 0 {
		s.PID = os.Getpid()
	}
	if s.Epoch.IsZero() {
		s.Epoch = time.Now()
	}
	line := s
	line.Epoch = s.Epoch.UTC() // which drops the monotonic reading
	if err := j.put(&line, durable); err != nil {
		return s, err
	}
	if j.torn == 0 {
		return s, nil
	}
	text := fmt.Sprintf("a torn last line of %d bytes was dropped: the session before was cut off while writing it", j.torn)
	if err := j.put(&Note{typeNote, s.Session, text}, durable); err != nil {
		return s, err
	}
	j.torn = 0
	return s, nil
}

// Request writes a request that has ended, filling in its Type and Session. It costs
// one write and no wait for the disk: a kill of the process does not lose it, a power
// cut may, together with its trial, which has not ended yet.
//
// Bytes in its texts that are no UTF-8 are written as U+FFFD.
func (j *Journal) Request(r *Request) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.Type, r.Session = typeRequest, j.ledger.session
	return j.put(r, cached)
}

// Trial writes the end of a trial, filling in its Type and Session, and its Requests
// where that is 0. All its requests must have been written, and it must not have ended
// before. When it returns nil the trial and its requests are on the disk.
func (j *Journal) Trial(t Trial) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.Type, t.Session = typeTrial, j.ledger.session
	if t.Requests == 0 {
		t.Requests = j.ledger.requests[trialKey{t.Cell, t.Trial}]
	}
	return j.put(&t, durable)
}

// NotRun writes why a planned cell was not measured, filling in Type and Session.
func (j *Journal) NotRun(n NotRun) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	n.Type, n.Session = typeNotRun, j.ledger.session
	return j.put(&n, durable)
}

// Calibration writes what the client's own error was found to be, filling in Type and
// Session.
func (j *Journal) Calibration(c Calibration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.Type, c.Session = typeCalibration, j.ledger.session
	return j.put(&c, durable)
}

// Capacity writes what a capacity search has found, filling in Type and Session. The
// same search must not stand there already.
func (j *Journal) Capacity(c Capacity) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.Type, c.Session = typeCapacity, j.ledger.session
	return j.put(&c, durable)
}

// Note writes a remark that readers of the figures must see, filling in Type and
// Session.
func (j *Journal) Note(n Note) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	n.Type, n.Session = typeNote, j.ledger.session
	return j.put(&n, durable)
}

// End closes the session in good order, filling in Type and Session. Only another
// Begin may follow.
func (j *Journal) End(e End) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Type, e.Session = typeEnd, j.ledger.session
	return j.put(&e, durable)
}

// Path is where the journal lies.
func (j *Journal) Path() string { return j.path }

// Close releases the journal. It writes nothing: a session without End reads as cut
// off. A second Close does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	j.lock.release()
	if err != nil {
		return fmt.Errorf("journal %s: close: %w", j.path, cause(err))
	}
	return nil
}

// How long put waits: until the system has the line, or until the disk has it.
const (
	cached  = false
	durable = true
)

// put writes one line with one write call. The caller holds j.mu.
func (j *Journal) put(v any, wait bool) error {
	if j.file == nil {
		return fmt.Errorf("journal %s is closed", j.path)
	}
	if j.broken != nil {
		return j.broken
	}
	if err := j.ledger.check(v); err != nil {
		return fmt.Errorf("journal %s: %w", j.path, err)
	}
	line, err := j.enc.line(v)
	if err != nil {
		return fmt.Errorf("journal %s: encode: %w", j.path, err)
	}
	if len(line) > MaxLine {
		return fmt.Errorf("journal %s: a line of %d bytes is longer than the %d that can be read", j.path, len(line), MaxLine)
	}
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return j.undo(err)
	}
	j.size += int64(len(line))
	j.ledger.enter(v)
	if wait {
		if err := j.file.Sync(); err != nil {
			// What the disk has is unknown from here on; a second sync may report
			// success without having written anything.
			j.broken = fmt.Errorf("journal %s: sync: %w", j.path, cause(err))
			return j.broken
		}
	}
	return nil
}

// undo cuts off what a failed write has left of its line.
func (j *Journal) undo(failed error) error {
	err := fmt.Errorf("journal %s: write: %w", j.path, cause(failed))
	if terr := j.file.Truncate(j.size); terr != nil {
		j.broken = fmt.Errorf("%w (and the half line can't be cut off: %w)", err, cause(terr))
		return j.broken
	}
	return err
}

// cause strips the operation and the path that package os puts before an error; ours
// are said already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}
