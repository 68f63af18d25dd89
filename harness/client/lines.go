package client

import "bytes"

const (
	bufferSize = 8 << 10  // of a fresh read buffer
	readRoom   = 4 << 10  // least room offered to a read
	bufferKept = 1 << 20  // larger buffers are left to the collector
	lineLimit  = 64 << 20 // longest line or document; more is a malformed stream
)

// lines cuts a stream of bytes into lines in place: LF, CRLF or CR end a line, as
// SSE has it (no JSON text holds a bare CR inside a string, so NDJSON loses nothing).
// A line aliases the buffer and is good until the next room.
type lines struct {
	buf    []byte
	head   int  // start of the line being collected
	seen   int  // bytes before it were searched for a line end
	skipLF bool // the last line ended in CR, the last byte we had: a LF belongs to it
	limit  int  // longest line
	long   bool // a line was longer than that
}

// room gives space to read into. What lies before the unfinished line is dropped;
// the buffer doubles when that line fills it.
func (l *lines) room() []byte {
	if l.head == len(l.buf) {
		l.buf, l.head, l.seen = l.buf[:0], 0, 0
	}
	if cap(l.buf)-len(l.buf) < readRoom && l.head > 0 {
		n := copy(l.buf, l.buf[l.head:])
		l.buf, l.seen, l.head = l.buf[:n], l.seen-l.head, 0
	}
	if cap(l.buf)-len(l.buf) < readRoom {
		grown := make([]byte, len(l.buf), 2*cap(l.buf)+readRoom)
		copy(grown, l.buf)
		l.buf = grown
	}
	return l.buf[len(l.buf):cap(l.buf)]
}

// filled says that n bytes were put into room.
func (l *lines) filled(n int) { l.buf = l.buf[:len(l.buf)+n] }

// next gives the next complete line, without its end.
func (l *lines) next() ([]byte, bool) {
	if l.skipLF && l.head < len(l.buf) {
		if l.buf[l.head] == '\n' {
			l.head++
		}
		l.seen, l.skipLF = l.head, false
	}
	rest := l.buf[l.seen:]
	end := bytes.IndexByte(rest, '\n')
	if end >= 0 {
		rest = rest[:end]
	}
	if cr := bytes.IndexByte(rest, '\r'); cr >= 0 {
		return l.cut(l.seen+cr, true)
	}
	if end >= 0 {
		return l.cut(l.seen+end, false)
	}
	l.seen = len(l.buf)
	l.long = l.long || l.seen-l.head > l.limit
	return nil, false
}

// cut ends the line at byte i.
func (l *lines) cut(i int, cr bool) ([]byte, bool) {
	line := l.buf[l.head:i]
	if len(line) > l.limit {
		l.long = true
		return nil, false
	}
	i++
	if cr {
		if i == len(l.buf) {
			l.skipLF = true
		} else if l.buf[i] == '\n' {
			i++
		}
	}
	l.head, l.seen = i, i
	return line, true
}

// rest is the line that has no end yet.
func (l *lines) rest() []byte { return l.buf[l.head:] }
