package client

import (
	"context"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

func rawFrame(kind, flags byte, id uint32, payload string) string {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(b, id)) + payload
}

// pieces is a connection whose reads give the next pieces, one instant apart.
type pieces struct {
	net.Conn
	rest []byte
	size int
	base *stampedConn
	at   int64
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	p.at += int64(n) // the instant is the number of bytes that have come
	p.base.lastRead.Store(p.at<<1 | 1)
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error) { return len(b), nil }

// Whatever the split, each byte of a body has the instant of the read that brought it,
// padding and other frames count for nothing.
func TestFramesGiveEachStreamItsInstants(t *testing.T) {
	in := rawFrame(0x4, 0, 0, "SETTINGS") +
		rawFrame(frameHeaders, 0x4, 1, "h") + rawFrame(frameHeaders, 0x4, 3, "hh") +
		rawFrame(frameData, 0, 1, "aaaaaaaa") +
		rawFrame(frameData, flagPadded, 3, "\x03bbbbb\x00\x00\x00") +
		rawFrame(frameData, 0, 99, "NOBODY'S") +
		rawFrame(frameData, 0, 1, "") +
		rawFrame(frameData, 0x1, 1, "zz")
	where := map[uint32][]int{} // which bytes of in are the bodies'
	for i, b := range []byte(in) {
		switch b {
		case 'a', 'z':
			where[1] = append(where[1], i)
		case 'b':
			where[3] = append(where[3], i)
		}
	}
	for size := 1; size <= len(in); size++ {
		base := &stampedConn{}
		c := newFramedConn(&pieces{rest: []byte(in), size: size, base: base}, base)
		out := preface + rawFrame(0x4, 0, 0, "") + rawFrame(frameHeaders, 0x4, 1, "header block")
		for _, b := range []byte(out) {
			_, _ = c.Write([]byte{b})
		}
		streams := map[uint32]*stream{1: c.opened()}
		_, _ = c.Write([]byte(rawFrame(frameHeaders, 0x4, 3, "x") + rawFrame(frameData, 1, 1, "body")))
		streams[3] = c.opened()
		_, err := io.ReadAll(c)
		require.NoError(t, err)
		for id, s := range streams {
			require.Equal(t, id, s.id)
			var got, want []int
			for left := len(where[id]); left > 0; {
				n, a := s.take(left)
				assert.True(t, a.kernel)
				for range n {
					got = append(got, int(a.at))
				}
				left -= n
			}
			for _, at := range where[id] {
				want = append(want, min((at/size+1)*size, len(in)))
			}
			require.Equal(t, want, got, "size %d stream %d", size, id)
			s.forget()
		}
		assert.Empty(t, c.streams)
	}
}

// start2 serves h in memory by HTTP/2; conns counts connections.
func start2(t *testing.T, h http.Handler) *Client {
	t.Helper()
	m := newMemory()
	srv := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	srv.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = srv.Serve(m) }()
	c := connect(t, m, func(c *Config) { c.HTTP = HTTP2 })
	t.Cleanup(func() {
		c.Close()
		_ = srv.Close()
		time.Sleep(time.Minute) // of the bubble: HTTP/2's goroutines end by timers
	})
	return c
}

func TestHTTP2StreamsShareAConnectionNotTheirStamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start2(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			assert.Equal(t, 2, req.ProtoMajor)
			script("text/event-stream", step{10 * ms, text("A")}, step{10 * ms, text("B") + text("C")},
				step{20 * ms, finish("stop")}, step{0, doneLine})(w, req)
		}))
		first := do(c)
		require.Nil(t, first.Failure)
		assert.False(t, first.ConnReused)
		assert.True(t, first.Connect.Has())
		var wg sync.WaitGroup
		records := make([]record.Request, 5)
		for i := range records {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * ms)
				c.Do(context.Background(), Ask{Prompt: "hello"}, &records[i])
			})
		}
		wg.Wait()
		for i := range records {
			r := &records[i]
			require.Nil(t, r.Failure)
			assert.True(t, r.ConnReused)
			assert.False(t, r.Connect.Has())
			assert.Equal(t, "tttf", r.Events.Kind)
			assert.Equal(t, []int64{int64(10 * ms), int64(20 * ms), int64(20 * ms), int64(40 * ms)}, r.Events.Arrive)
			assert.True(t, r.Terminated)
			assert.Equal(t, StampUser, r.Stamp, "a connection in memory")
		}
	})
}

// A stream is cut: the others on the connection live on.
func TestHTTP2StreamEndsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start2(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if body, _ := io.ReadAll(req.Body); strings.Contains(string(body), "cut me") {
				_, _ = io.WriteString(w, text("A"))
				w.(http.Flusher).Flush()
				time.Sleep(10 * ms)
				panic(http.ErrAbortHandler)
			}
			script("text/event-stream", step{ms, text("A")}, step{40 * ms, finish("stop") + doneLine})(w, req)
		}))
		var whole, again record.Request
		var wg sync.WaitGroup
		wg.Go(func() { c.Do(context.Background(), Ask{Prompt: "x"}, &whole) })
		synctest.Wait()
		r := &record.Request{}
		c.Do(context.Background(), Ask{Prompt: "cut me"}, r)
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.FailReset, r.Failure.Kind)
		assert.Equal(t, "t", r.Events.Kind)
		wg.Wait()
		assert.Nil(t, whole.Failure)
		c.Do(context.Background(), Ask{Prompt: "x"}, &again)
		assert.Nil(t, again.Failure)
		assert.True(t, again.ConnReused)
	})
}

func TestHTTP2Demanded(t *testing.T) {
	srv := httptest.NewUnstartedServer(sseScript(text("A")))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is wanted
	srv.StartTLS()
	defer srv.Close()
	cfg := DefaultConfig()
	cfg.Endpoint, cfg.HTTP = srv.URL, HTTP2
	cfg.TLS = srv.Client().Transport.(*http.Transport).TLSClientConfig
	c, err := New(cfg, time.Now())
	require.NoError(t, err)
	defer c.Close()
	r := do(c)
	require.NotNil(t, r.Failure)
	assert.Equal(t, record.FailDial, r.Failure.Kind, "%v", r.Failure)

	plain := httptest.NewServer(sseScript(text("A")))
	defer plain.Close()
	cfg.Endpoint = plain.URL
	c, err = New(cfg, time.Now())
	require.NoError(t, err)
	defer c.Close()
	r = do(c)
	require.NotNil(t, r.Failure)
	assert.Equal(t, record.FailReset, r.Failure.Kind)
}

// FuzzFrames: whatever bytes pass, in whatever pieces, the frames found are the same.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(rawFrame(frameHeaders, 0x4, 1, "h")+rawFrame(frameData, 0, 1, "aaa")), 1)
	f.Add([]byte(rawFrame(frameData, flagPadded, 1, "\x02b\x00\x00")), 4)
	f.Add([]byte(rawFrame(frameData, flagPadded, 1, "\xffb")), 3)
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 7)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 1 {
			return
		}
		body := func(size int) (n int) {
			base := &stampedConn{}
			c := newFramedConn(&pieces{rest: in, size: size, base: base}, base)
			_, _ = c.Write([]byte(preface + rawFrame(frameHeaders, 0x4, 1, "")))
			s := c.opened()
			_, _ = io.ReadAll(c)
			for _, p := range s.parts {
				assert.Positive(t, p.n)
				n += p.n
			}
			return n
		}
		assert.Equal(t, body(len(in)+1), body(size))
	})
}
