package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// memory is a network without a kernel: its connections are pipes, so a request over
// it takes exactly the time that the fake server sleeps (in a synctest bubble).
type memory struct {
	conns chan net.Conn
	down  chan struct{}
}

func newMemory() *memory { return &memory{make(chan net.Conn), make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.down:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { close(m.down); return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (m *memory) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.down:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// step is what a fake server does next: it waits, then writes and flushes.
type step struct {
	wait time.Duration
	text string
}

// script is a handler that answers with the steps; the headers leave at once with
// the first.
func script(contentType string, steps ...step) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.Header().Set("Content-Type", contentType)
		for _, s := range steps {
			select {
			case <-time.After(s.wait):
			case <-req.Context().Done():
				return
			}
			_, _ = io.WriteString(w, s.text)
			w.(http.Flusher).Flush()
		}
	}
}

// sseScript answers all the text at once.
func sseScript(text string) http.HandlerFunc {
	return script("text/event-stream", step{0, text})
}

// start serves h in memory and makes a client for it. Call it inside the bubble.
func start(t *testing.T, h http.Handler, change func(*Config)) *Client {
	t.Helper()
	m := newMemory()
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(m) }()
	c := connect(t, m, change)
	t.Cleanup(func() { c.Close(); _ = srv.Close() })
	return c
}

func connect(t *testing.T, m *memory, change func(*Config)) *Client {
	t.Helper()
	cfg := DefaultConfig()
	cfg.API, cfg.Model, cfg.Dial = Chat, "m", m.Dial
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg, time.Now())
	require.NoError(t, err)
	return c
}

// do makes one request of c.
func do(c *Client) *record.Request {
	r := &record.Request{}
	c.Do(context.Background(), Ask{Prompt: "hello", MaxTokens: 8}, r)
	return r
}

// answer serves h, makes one request and gives its record.
func answer(t *testing.T, h http.Handler, change func(*Config)) *record.Request {
	t.Helper()
	return do(start(t, h, change))
}

// rawServer reads a request and writes bytes of its own; then hang decides the
// connection's fate.
func rawServer(t *testing.T, reply func(conn net.Conn)) *Client {
	t.Helper()
	m := newMemory()
	go func() {
		for {
			conn, err := m.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, req.Body)
					reply(conn)
				}
			}()
		}
	}()
	c := connect(t, m, nil)
	t.Cleanup(func() { c.Close(); _ = m.Close() })
	return c
}

// Chunks as servers write them.

func event(format string, args ...any) string {
	return "data: " + fmt.Sprintf(format, args...) + "\n\n"
}

func role() string {
	return event(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`)
}

func text(s string) string {
	return event(`{"choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`, s)
}

func finish(reason string) string {
	return event(`{"choices":[{"index":0,"delta":{},"finish_reason":%q}]}`, reason)
}

func usage(prompt, completion int) string {
	return event(`{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`,
		prompt, completion, prompt+completion)
}

const doneLine = "data: [DONE]\n\n"

func join(parts ...string) string { return strings.Join(parts, "") }

const ms = time.Millisecond

// ns is an instant the given time after the epoch.
func ns(d time.Duration) record.Opt[int64] { return record.Some(int64(d)) }
