package client

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"aibench/harness/record"
)

// clock gives instants: nanoseconds since the epoch, on the monotonic clock.
type clock struct{ epoch time.Time }

func (c clock) now() int64 { return int64(time.Since(c.epoch)) }

// arrivals reads from a connection and says when the bytes it brought had arrived.
// It is the seam for better stamps than the clock after the read: the kernel's.
type arrivals interface {
	Read(p []byte) (n int, at int64, err error)
	Source() string // as in record.Request.Stamp
}

// userStamps takes the clock as soon as the read has returned.
type userStamps struct {
	conn  net.Conn
	clock clock
}

func (u userStamps) Read(p []byte) (int, int64, error) {
	n, err := u.conn.Read(p)
	return n, u.clock.now(), err
}

func (userStamps) Source() string { return "user" }

// stampedConn is the connection below TLS. It remembers the instant of its latest
// read and write. During a body, reads happen only inside the reader's own calls, so
// "the latest" is always the one that brought the bytes in hand.
type stampedConn struct {
	net.Conn
	in        arrivals
	clock     clock
	lastRead  atomic.Int64
	lastWrite atomic.Int64
}

func (c *stampedConn) Read(p []byte) (int, error) {
	n, at, err := c.in.Read(p)
	if n > 0 {
		c.lastRead.Store(at)
	}
	return n, err
}

func (c *stampedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.lastWrite.Store(c.clock.now())
	return n, err
}

// idleLimit is how long a connection is kept unused. It is below the 5 s after which
// uvicorn (vLLM, SGLang) closes one: a request sent into a closing connection fails
// for a reason that is not the server's.
const idleLimit = 4 * time.Second

// newTransport makes a pool that never queues: MaxConnsPerHost stays 0 (no limit),
// because a limit below the number of users would serialise streams unseen.
func newTransport(cfg Config, clk clock) *http.Transport {
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &stampedConn{Conn: conn, in: userStamps{conn, clk}, clock: clk}, nil
		},
		TLSClientConfig:     cfg.TLS,
		Protocols:           &http1,
		MaxIdleConnsPerHost: max(cfg.MaxConns, 1),
		IdleConnTimeout:     idleLimit,
		DisableCompression:  true, // not asked for; decoded by us where it comes anyway
		ReadBufferSize:      32 << 10,
		WriteBufferSize:     32 << 10,
	}
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
	headers record.Opt[int64]
	wrote   record.Opt[int64]
}

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.asked = t.clock.now()
			t.got, t.conn, t.wrote = false, nil, record.Opt[int64]{}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.got, t.reused = true, info.Reused
			t.connect = t.clock.now() - t.asked
			t.conn = below(info.Conn)
		},
		GotFirstResponseByte: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.headers = record.Some(t.conn.lastRead.Load())
			if t.wrote.Has() {
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

// below finds our connection under TLS.
func below(conn net.Conn) *stampedConn {
	if s, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = s.NetConn()
	}
	return conn.(*stampedConn)
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
	r.Stamp = t.conn.in.Source()
	if !t.reused {
		r.Connect = record.Some(t.connect)
	}
	r.Wrote = t.wrote
}
