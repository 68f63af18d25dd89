package client

import (
	"encoding/binary"
	"net"
	"sync"
)

// Frames of HTTP/2 (RFC 9113) that matter here.
const (
	frameHead    = 9
	frameData    = 0x0
	frameHeaders = 0x1
	flagPadded   = 0x8

	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// framedConn lies between HTTP/2 and the connection (above TLS, which hides frames).
// Streams share the connection, and net/http reads ahead for all of them: by the time
// a stream's reader has its bytes, the connection's latest read may be another's.
// So the frames are watched as they pass, and each stream has a queue of what
// arrived for it and when.
type framedConn struct {
	net.Conn
	base *stampedConn

	in, out walker
	mu      sync.Mutex
	streams map[uint32]*stream
	newest  *stream // that a HEADERS frame was last sent for
	current *stream // that the DATA frame being read belongs to
	pad     int     // bytes of its end that are padding; -1: the next byte says
}

// stream is what has arrived of one body.
type stream struct {
	conn  *framedConn
	id    uint32
	parts []part // not yet taken, oldest first
	head  int    // parts before it were taken
	last  arrival
}

// part is bytes of a body that arrived together.
type part struct {
	n  int
	at arrival
}

func newFramedConn(conn net.Conn, base *stampedConn) *framedConn {
	c := &framedConn{Conn: conn, base: base, streams: map[uint32]*stream{}}
	c.out.skip = len(preface)
	c.in.begin, c.in.payload = c.received, c.data
	c.out.begin = c.sent
	return c
}

func (c *framedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.mu.Lock()
		c.in.walk(p[:n])
		c.mu.Unlock()
	}
	return n, err
}

// Write watches before it writes: the answer may come before Write returns.
func (c *framedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.out.walk(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *framedConn) sent(f frame) {
	if f.kind == frameHeaders && c.streams[f.stream] == nil {
		c.newest = &stream{conn: c, id: f.stream}
		c.streams[f.stream] = c.newest
	}
}

func (c *framedConn) received(f frame) {
	c.current, c.pad = nil, 0
	if f.kind != frameData {
		return
	}
	c.current = c.streams[f.stream]
	if f.flags&flagPadded != 0 {
		c.pad = -1
	}
}

// data takes in payload of the frame at hand, of which left more bytes follow.
func (c *framedConn) data(p []byte, left int) {
	if c.current == nil {
		return
	}
	if c.pad < 0 {
		c.pad = int(p[0])
		p = p[1:]
	}
	// The padding is the last pad bytes of p and what follows it.
	if n := len(p) - max(0, c.pad-left); n > 0 {
		c.current.parts = append(c.current.parts, part{n, c.base.arrived()})
	}
}

// opened is the stream of the request whose headers were just written. net/http
// calls the trace's WroteHeaders while it still holds the lock of writing, so it is
// the newest.
func (c *framedConn) opened() *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest
}

// take tells when the next n bytes of the body arrived: of at most that many, those
// that came together.
func (s *stream) take(n int) (int, arrival) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.head == len(s.parts) {
		return n, s.last // never: what was delivered has passed us
	}
	p := &s.parts[s.head]
	n = min(n, p.n)
	s.last = p.at
	if p.n -= n; p.n == 0 {
		if s.head++; s.head == len(s.parts) {
			s.parts, s.head = s.parts[:0], 0
		}
	}
	return n, s.last
}

// forget ends the watch for a stream.
func (s *stream) forget() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	delete(s.conn.streams, s.id)
}

// frame is a frame's head.
type frame struct {
	length int
	kind   byte
	flags  byte
	stream uint32
}

// walker finds the frames in a stream of bytes, however it was split.
type walker struct {
	begin   func(frame)
	payload func(p []byte, left int) // nil: not wanted

	skip int // bytes before the first frame
	head [frameHead]byte
	have int // bytes of head
	left int // payload to come
}

func (w *walker) walk(p []byte) {
	n := min(w.skip, len(p))
	w.skip -= n
	p = p[n:]
	for len(p) > 0 {
		if w.left > 0 {
			n := min(w.left, len(p))
			w.left -= n
			if w.payload != nil {
				w.payload(p[:n], w.left)
			}
			p = p[n:]
			continue
		}
		n := copy(w.head[w.have:], p)
		w.have += n
		p = p[n:]
		if w.have == frameHead {
			f := frame{length: int(w.head[0])<<16 | int(w.head[1])<<8 | int(w.head[2]), kind: w.head[3], flags: w.head[4],
				stream: binary.BigEndian.Uint32(w.head[5:]) & (1<<31 - 1)}
			w.have, w.left = 0, f.length
			w.begin(f)
		}
	}
}
