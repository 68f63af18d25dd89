package mockserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pipes is a listener without a network, so that everything stays inside a
// synctest bubble, where time stands still while anybody can run.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case p.conns <- b:
		return a, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	}
}

// inBubble runs f with a client of a server on a fake clock.
func inBubble(t *testing.T, p Profile, o Options, f func(t *testing.T, c *http.Client, s *Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.GoTimers = true
		if o.Seed == 0 {
			o.Seed = 1
		}
		s, err := New(p, o)
		require.NoError(t, err)
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		h := &http.Server{Handler: s, ErrorLog: nil}
		var served sync.WaitGroup
		served.Go(func() { _ = h.Serve(l) })
		tr := &http.Transport{DialContext: l.dial, DisableCompression: true}
		f(t, &http.Client{Transport: tr}, s)
		tr.CloseIdleConnections()
		require.NoError(t, h.Close())
		served.Wait()
		require.NoError(t, s.Close())
		synctest.Wait()
	})
}

func profile(t testing.TB, name string) Profile {
	t.Helper()
	p, err := LoadProfile(name)
	require.NoError(t, err)
	return p
}

func exact(t testing.TB, name string) Profile {
	p := profile(t, name)
	p.Noise = 0
	return p
}

// line is one line of a response and when it came.
type line struct {
	text string
	at   time.Duration // since the request
}

type exchange struct {
	status int
	header http.Header
	lines  []line
	err    error // of reading the body
}

// data are the payloads of the events, in SSE or NDJSON.
func (x exchange) data() (out []string) {
	for _, l := range x.lines {
		if strings.HasPrefix(l.text, "{") {
			out = append(out, l.text)
		} else if d, ok := strings.CutPrefix(l.text, "data:"); ok {
			out = append(out, strings.TrimPrefix(d, " "))
		}
	}
	return out
}

func (x exchange) body() string {
	var b strings.Builder
	for _, l := range x.lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// events decodes the payloads that are JSON objects.
func (x exchange) events(t *testing.T) (out []map[string]any) {
	for _, d := range x.data() {
		if d != "[DONE]" {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(d), &m), d)
			out = append(out, m)
		}
	}
	return out
}

// arrivals are the instants of the payloads.
func (x exchange) arrivals() (out []time.Duration) {
	for _, l := range x.lines {
		if strings.HasPrefix(l.text, "data:") || strings.HasPrefix(l.text, "{") {
			out = append(out, l.at)
		}
	}
	return out
}

func post(t *testing.T, c *http.Client, path string, body any, header ...string) exchange {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://mock"+path, strings.NewReader(string(marshal(body))))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(t, c, r)
}

func do(t *testing.T, c *http.Client, r *http.Request) exchange {
	t.Helper()
	start := time.Now()
	resp, err := c.Do(r)
	if err != nil {
		return exchange{err: err}
	}
	defer resp.Body.Close()
	x := exchange{status: resp.StatusCode, header: resp.Header}
	in := bufio.NewReader(resp.Body)
	for {
		s, err := in.ReadString('\n')
		if s != "" {
			x.lines = append(x.lines, line{strings.TrimSuffix(s, "\n"), time.Since(start)})
		}
		if err == io.EOF {
			return x
		}
		if err != nil {
			x.err = err
			return x
		}
	}
}

type object = map[string]any

// promptOf is a prompt of exactly n tokens in a completion, BOS counted, that
// starts like no other.
func promptOf(n int, unique string) string {
	return unique + strings.Repeat(" word", n-1-BOSTokens)
}

func completion(n, output int, unique string) object {
	return object{"prompt": promptOf(n, unique), "max_tokens": output, "stream": true, "stream_options": object{"include_usage": true}}
}
