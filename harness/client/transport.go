package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"aibench/harness/record"
)

// arrivals reads from a connection and says when the bytes it brought had arrived.
type arrivals interface {
	Read(p []byte) (int, arrival, error)
}

// userStamps takes the clock as soon as the read has returned.
type userStamps struct {
	conn net.Conn
	wall *wallClock
}

func (u userStamps) Read(p []byte) (int, arrival, error) {
	n, err := u.conn.Read(p)
	now, wall := u.wall.both()
	if n == 0 {
		return n, arrival{}, err
	}
	return n, u.wall.arrival(0, now, wall), err
}

// stampedConn is the connection below TLS. It remembers the instant of its latest
// read and write. During a body, reads happen only inside the reader's own calls, so
// "the latest" is always the one that brought the bytes in hand.
type stampedConn struct {
	net.Conn
	in        arrivals
	clock     clock
	lastRead  atomic.Int64 // instant << 1, and 1 where it is the kernel's
	lastWrite atomic.Int64
}

func (c *stampedConn) Read(p []byte) (int, error) {
	n, a, err := c.in.Read(p)
	if n > 0 {
		packed := a.at << 1
		if a.kernel {
			packed |= 1
		}
		c.lastRead.Store(packed)
	}
	return n, err
}

// source tells who takes the instants, as in record.Request.Stamp.
func (c *stampedConn) source() string {
	if _, user := c.in.(userStamps); user {
		return StampUser
	}
	return StampKernel
}

// arrived is when the latest bytes did.
func (c *stampedConn) arrived() arrival {
	packed := c.lastRead.Load()
	return arrival{at: packed >> 1, kernel: packed&1 != 0}
}

func (c *stampedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.lastWrite.Store(c.clock.now())
	return n, err
}

// stamped wraps a fresh connection.
func (c *Client) stamped(conn net.Conn) *stampedConn {
	s := &stampedConn{Conn: conn, clock: c.clock}
	if c.cfg.Stamps != StampUser {
		s.in = readStamped(conn, c.wall, c.setStamps)
	}
	if s.in == nil {
		s.in = userStamps{conn, c.wall}
	}
	return s
}

// idleLimit is how long a connection is kept unused. It is below the 5 s after which
// uvicorn (vLLM, SGLang) closes one: a request sent into a closing connection fails
// for a reason that is not the server's.
const idleLimit = 4 * time.Second

// newTransport makes a pool that never queues: MaxConnsPerHost stays 0 (no limit),
// because a limit below the number of users would serialise streams unseen. (With
// HTTP/2 the server says how many streams a connection may have; beyond that
// net/http opens another.)
func (c *Client) newTransport() *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := c.dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return conn, nil
		},
		TLSClientConfig:     c.cfg.TLS,
		Protocols:           new(http.Protocols),
		MaxIdleConnsPerHost: max(c.cfg.MaxConns, 1),
		IdleConnTimeout:     idleLimit,
		DisableCompression:  true, // not asked for; decoded by us where it comes anyway
		ReadBufferSize:      connBuffer,
		WriteBufferSize:     connBuffer,
	}
	if c.cfg.HTTP != HTTP2 {
		t.Protocols.SetHTTP1(true)
		return t
	}
	// TLS is ours, so that frames can be watched above it; to net/http this looks
	// like HTTP/2 with prior knowledge.
	t.Protocols.SetUnencryptedHTTP2(true)
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := c.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newFramedConn(conn, conn), nil
	}
	t.DialTLSContext = c.dialTLS2
	return t
}

// connBuffer is a connection's buffer, for reading and for writing. Prompts that are
// longer bypass it.
const connBuffer = 4 << 10

func (c *Client) dial(ctx context.Context, network, addr string) (*stampedConn, error) {
	dial := c.cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return c.stamped(conn), nil
}

// dialTLS2 makes a TLS connection on which both sides speak HTTP/2.
func (c *Client) dialTLS2(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{}
	if c.cfg.TLS != nil {
		cfg = c.cfg.TLS.Clone()
	}
	cfg.NextProtos = []string{"h2"}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	secure := tls.Client(conn, cfg)
	if err = secure.HandshakeContext(ctx); err == nil && secure.ConnectionState().NegotiatedProtocol != "h2" {
		err = errors.New("tls: the server does not speak HTTP/2")
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newFramedConn(secure, conn), nil
}

// trace collects what net/http tells about one request; its hooks run in the
// transport's goroutines, and may run after the request has failed.
type trace struct {
	clock clock

	mu      sync.Mutex
	asked   int64 // when a connection was asked for
	got     bool
	reused  bool
	connect int64
	conn    *stampedConn
	framed  *framedConn // HTTP/2
	stream  *stream     // HTTP/2
	headers record.Opt[int64]
	wrote   record.Opt[int64]
}

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			// HTTP/2 may say so twice for one connection.
			if t.got || t.asked == 0 {
				t.asked = t.clock.now()
			}
			t.got, t.wrote = false, record.Opt[int64]{}
			t.conn, t.framed, t.stream = nil, nil, nil
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.got, t.reused = true, info.Reused
			t.connect = t.clock.now() - t.asked
			t.conn, t.framed = below(info.Conn)
		},
		WroteHeaders: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.framed != nil {
				t.stream = t.framed.opened()
			}
		},
		GotFirstResponseByte: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.headers = record.Some(t.conn.arrived().at)
			if t.wrote.Has() && t.framed == nil {
				t.wrote = record.Some(max(t.wrote.Or(0), t.conn.lastWrite.Load()))
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if info.Err == nil {
				t.wrote = record.Some(t.clock.now())
			}
		},
	}
}

// below finds our connection under TLS, and the watch of HTTP/2's frames.
func below(conn net.Conn) (*stampedConn, *framedConn) {
	if f, ok := conn.(*framedConn); ok {
		return f.base, f
	}
	if s, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = s.NetConn()
	}
	return conn.(*stampedConn), nil
}

// source gives the stamps of the body: of its own stream with HTTP/2, else those of
// the connection, which then is the request's alone.
func (t *trace) source() (*stampedConn, *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conn, t.stream
}

// connection is the one that the request was sent on; nil: none was had.
func (t *trace) connection() *stampedConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conn
}

// fill copies what was seen into the record. net/http reports "wrote" before its
// last flush; the connection's own stamp, taken when the answer began, corrects it.
// (Later the stamp may be that of TLS saying goodbye.)
func (t *trace) fill(r *record.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Headers = t.headers
	if !t.got {
		return
	}
	r.ConnReused = t.reused
	r.Stamp = t.conn.source()
	if !t.reused {
		r.Connect = record.Some(t.connect)
	}
	r.Wrote = t.wrote
}
