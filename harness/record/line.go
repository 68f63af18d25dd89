package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// The values of "type" in a journal line.
const (
	typeSession     = "session"
	typeRequest     = "request"
	typeTrial       = "trial"
	typeCalibration = "calibration"
	typeCapacity    = "capacity"
	typeNotRun      = "not_run"
	typeNote        = "note"
	typeEnd         = "end"
)

// MaxLine is the longest journal line that is read, in bytes. A request with 100,000
// events takes about 2 MB; a line beyond this is damage, not data.
const MaxLine = 256 << 20

// encoder turns records into journal lines, in one buffer that it keeps.
type encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

// keepBuffer is the largest buffer kept for the next line; one huge request should
// not hold its megabytes until the end of the run.
const keepBuffer = 1 << 20

// line returns v as one line with its newline, valid until the next call.
//
// This is the one place that knows a line as a whole before it is written, and
// logReader.line the one that sees it read: a hash chain (each line naming the hash of
// the one before) goes into these two.
func (e *encoder) line(v any) ([]byte, error) {
	if e.enc == nil || e.buf.Cap() > keepBuffer {
		e.buf = bytes.Buffer{}
		e.enc = json.NewEncoder(&e.buf)
		e.enc.SetEscapeHTML(false)
	}
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		return nil, err
	}
	return e.buf.Bytes(), nil
}

// decode reads one line without its newline into a pointer to the record it holds.
func decode(line []byte) (any, error) {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, fmt.Errorf("empty line")
	}
	kind, err := lineType(line)
	if err != nil {
		return nil, err
	}
	var v any
	switch kind {
	case typeSession:
		v = new(Session)
	case typeRequest:
		v = new(Request)
	case typeTrial:
		v = new(Trial)
	case typeCalibration:
		v = new(Calibration)
	case typeCapacity:
		v = new(Capacity)
	case typeNotRun:
		v = new(NotRun)
	case typeNote:
		v = new(Note)
	case typeEnd:
		v = new(End)
	default:
		return nil, fmt.Errorf("unknown line type %q", kind)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return nil, err
	}
	return v, nil
}

// lineType finds the line's "type" without decoding the rest where it comes first, as
// our own writer puts it: a second full pass over a request would double the time of
// reading a journal.
func lineType(line []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`)); ok {
		if i := bytes.IndexByte(rest, '"'); i >= 0 && bytes.IndexByte(rest[:i], '\\') < 0 {
			return string(rest[:i]), nil
		}
	}
	var head struct{ Type string }
	if err := json.Unmarshal(line, &head); err != nil {
		return "", err
	}
	return head.Type, nil
}

// lineReader cuts a stream into lines in one buffer that grows with the longest line;
// the line it returns lies in that buffer. (bufio.Scanner has the same shape, but gives
// an unterminated last line as if it were whole, and that one is torn here.)
type lineReader struct {
	r      io.Reader
	buf    []byte
	lo, hi int // the bytes read and not yet returned are buf[lo:hi]
	max    int
}

// next returns the next line without its newline, valid until the next call. At the
// end it returns io.EOF and the bytes after the last newline, which are a torn line.
func (s *lineReader) next() ([]byte, error) {
	seen := s.lo // up to here there is no newline
	for {
		if i := bytes.IndexByte(s.buf[seen:s.hi], '\n'); i >= 0 {
			line := s.buf[s.lo : seen+i]
			s.lo = seen + i + 1
			return line, nil
		}
		if s.hi-s.lo > s.max {
			return nil, fmt.Errorf("line is longer than %d bytes", s.max)
		}
		held := s.hi - s.lo
		s.makeRoom()
		seen = s.lo + held
		n, err := s.r.Read(s.buf[s.hi:])
		s.hi += n
		if n > 0 {
			continue // a reader may give its last bytes together with an error
		}
		if err == io.EOF {
			return s.buf[s.lo:s.hi], io.EOF
		}
		if err != nil {
			return nil, err
		}
	}
}

// makeRoom moves what is held to the front, and doubles the buffer if it is full.
func (s *lineReader) makeRoom() {
	if s.hi < len(s.buf) {
		return
	}
	if s.lo > 0 && s.hi-s.lo <= len(s.buf)/2 {
		s.hi = copy(s.buf, s.buf[s.lo:s.hi])
		s.lo = 0
		return
	}
	grown := make([]byte, max(64<<10, 2*len(s.buf)))
	s.hi = copy(grown, s.buf[s.lo:s.hi])
	s.buf, s.lo = grown, 0
}
