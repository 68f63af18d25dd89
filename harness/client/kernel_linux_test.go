package client

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stampWriter is a handler that writes n events; the content of each is the wall
// clock right before it.
func stampWriter(n int, gap time.Duration, zip bool) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		to, flush := io.Writer(w), func() {}
		if zip {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			to, flush = z, func() { _ = z.Flush() }
			defer z.Close()
		}
		send := func(s string) {
			_, _ = io.WriteString(to, s)
			flush()
			w.(http.Flusher).Flush()
		}
		w.(http.Flusher).Flush()
		for range n {
			time.Sleep(gap)
			send(text(strconv.FormatInt(time.Now().UnixNano(), 10) + " "))
		}
		send(finish("length") + doneLine)
	}
}

// served is a client with the server it talks to.
type served struct {
	*Client
	server *httptest.Server
}

func serve(t *testing.T, h http.Handler, secure, h2 bool, change func(*Config)) served {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	cfg := DefaultConfig()
	cfg.API = Chat
	if h2 {
		cfg.HTTP = HTTP2
		srv.EnableHTTP2 = true
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetHTTP2(true)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
	}
	if secure {
		srv.StartTLS()
		roots := x509.NewCertPool()
		roots.AddCert(srv.Certificate())
		cfg.TLS = &tls.Config{RootCAs: roots}
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	cfg.Endpoint = srv.URL
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg, time.Now())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return served{c, srv}
}

// primed makes requests until one is stamped by the kernel throughout: the kernel
// switches stamping on some time after the first socket has asked for it.
func (c served) primed(t *testing.T) {
	t.Helper()
	for range 50 {
		if r := do(c.Client); r.Stamp == StampKernel {
			return
		}
	}
	t.Skip("this kernel gives no receive stamps")
}

func TestKernelStampsLieBetweenWriteAndRead(t *testing.T) {
	for name, c := range map[string]struct{ secure, h2, zip bool }{
		"plain": {}, "tls": {secure: true}, "gzip": {zip: true}, "tls gzip": {secure: true, zip: true},
		"h2c": {h2: true}, "h2": {h2: true, secure: true}, "h2 gzip": {h2: true, secure: true, zip: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, stampWriter(8, time.Millisecond, c.zip), c.secure, c.h2, nil)
			c.primed(t)
			r := do(c.Client)
			require.Nil(t, r.Failure)
			assert.Equal(t, "ttttttttf", r.Events.Kind)
			assert.Equal(t, StampKernel, r.Stamp)
			errs := errorsOf(t, c.Client, r)
			require.Len(t, errs, 8)
			ended := c.clock.now()
			for i, e := range errs {
				assert.GreaterOrEqual(t, e, -us, "event %d is not before it was written (but for the clocks' offset)", i)
				assert.LessOrEqual(t, r.Start.Or(0)+r.Events.Arrive[i], ended)
			}
			assert.Positive(t, c.Stamps().Kernel)
			assert.Zero(t, c.Stamps().Discarded)
		})
	}
}

// rawStamps answers each request with bytes of its own.
func rawStamps(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					answer(conn)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// inSomeTry asks for one success of five: a busy machine may stop the server between
// its clock and its write, which looks like an error of ours. What ours can't do it
// can't do in any try.
func inSomeTry(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for range 5 {
		if err = try(); err == nil {
			return
		}
	}
	assert.NoError(t, err)
}

// eachBelow tells which event's error is not below limit.
func eachBelow(errs []int64, limit time.Duration) error {
	for i, e := range errs {
		if e >= int64(limit) {
			return fmt.Errorf("event %d: instant is %v after its writing", i, time.Duration(e))
		}
	}
	return nil
}

// slowReader waits before each read of the connection: what a scheduler does that has
// no time for us. Meanwhile the kernel stamps what comes. Below 0: it waits once.
type slowReader struct {
	arrivals
	slow *atomic.Int64 // ns
}

func (s slowReader) Read(p []byte) (int, arrival, error) {
	d := s.slow.Load()
	if d < 0 {
		d = -s.slow.Swap(0)
	}
	time.Sleep(time.Duration(d))
	return s.arrivals.Read(p)
}

// slowed makes every connection of c read late.
func slowed(c *Client, slow *atomic.Int64) {
	dial := c.transport.DialContext
	c.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		s := conn.(*stampedConn)
		s.in = slowReader{s.in, slow}
		return s, nil
	}
}

// The reader comes 15 ms late to every read. By the kernel the events are as far
// apart as they were written, and each is older than our clock would have said.
func TestLateReaderKeepsTheKernelsGaps(t *testing.T) {
	const n = 6
	url := rawStamps(t, func(conn net.Conn) { _ = writeStamps(conn, n, 40*ms) })
	c, err := New(Config{Endpoint: url, API: Chat, KeepText: true}, time.Now())
	require.NoError(t, err)
	defer c.Close()
	var slow atomic.Int64
	slowed(c, &slow)
	served{Client: c}.primed(t)
	slow.Store(int64(15 * ms))
	inSomeTry(t, func() error {
		r := do(c)
		require.Nil(t, r.Failure)
		require.Equal(t, StampKernel, r.Stamp)
		return eachBelow(errorsOf(t, c, r), 15*ms) // by our clock they would be above
	})
}

// Two events of one write are one segment: gap 0 is a value, and the kernel's stamp
// is that of the write, however late they are read.
func TestEventsOfOneSegmentShareItsStamp(t *testing.T) {
	var wrote atomic.Int64
	url := rawStamps(t, func(conn net.Conn) {
		wrote.Store(time.Now().UnixNano())
		_, _ = io.WriteString(conn, stampHead+chunked(text("A"))+chunked(text("B"))+chunked(finish("stop")+doneLine)+"0\r\n\r\n")
	})
	c, err := New(Config{Endpoint: url, API: Chat}, time.Now())
	require.NoError(t, err)
	defer c.Close()
	var slow atomic.Int64
	slowed(c, &slow)
	served{Client: c}.primed(t)
	slow.Store(int64(50 * ms))
	inSomeTry(t, func() error {
		r := do(c)
		require.Equal(t, "ttf", r.Events.Kind)
		require.Equal(t, StampKernel, r.Stamp)
		assert.Equal(t, r.Events.Arrive[0], r.Events.Arrive[1])
		e := c.Wall(r.First.Or(0)) - wrote.Load()
		assert.GreaterOrEqual(t, e, -us)
		return eachBelow([]int64{e}, 50*ms) // not when it was read
	})
}

// Packets that wait unread are told apart as long as the kernel has them apart: on the
// loopback, once the connection's first 16 are past, until they are acknowledged. The
// reader pauses for 35 ms in a stream of 10 ms; read in one go, the events of the
// pause would have its end for an instant, and gaps of 0.
func TestUnreadPacketsAreToldApart(t *testing.T) {
	const n, gap, pause = 48, 10 * ms, 35 * ms
	url := rawStamps(t, func(conn net.Conn) { _ = writeStamps(conn, n, gap) })
	c, err := New(Config{Endpoint: url, API: Chat, KeepText: true}, time.Now())
	require.NoError(t, err)
	defer c.Close()
	var slow atomic.Int64
	slowed(c, &slow)
	served{Client: c}.primed(t)
	inSomeTry(t, func() error {
		time.AfterFunc(n/2*gap, func() { slow.Store(-int64(pause)) })
		r := do(c)
		require.Nil(t, r.Failure)
		require.Equal(t, StampKernel, r.Stamp)
		require.Zero(t, slow.Load(), "it has paused")
		return eachBelow(errorsOf(t, c, r), gap) // more: the instant of a later one
	})
}

// What the kernel can't tell: segments that wait unread may be merged by it, and then
// the first has the last one's stamp: an upper bound, and a gap of 0 that shows it.
// Never is an event's stamp before its writing, and the last one's is its own.
func TestUnreadSegmentsKeepOrderAndTheLastStamp(t *testing.T) {
	const n, gap = 3, 20 * ms
	url := rawStamps(t, func(conn net.Conn) { _ = writeStamps(conn, n, gap) })
	c, err := New(Config{Endpoint: url, API: Chat, KeepText: true}, time.Now())
	require.NoError(t, err)
	defer c.Close()
	var slow atomic.Int64
	slowed(c, &slow)
	served{Client: c}.primed(t)
	slow.Store(int64((n + 2) * gap)) // all has come before the first read
	inSomeTry(t, func() error {
		r := do(c)
		require.Nil(t, r.Failure)
		require.Equal(t, StampKernel, r.Stamp)
		errs := errorsOf(t, c, r)
		require.Len(t, errs, n)
		for _, e := range errs {
			assert.GreaterOrEqual(t, e, -us)
		}
		assert.IsNonDecreasing(t, r.Events.Arrive)
		return eachBelow(errs[n-1:], 2*gap) // the last is not as late as the reader
	})
}
