package client

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

func TestChunkKinds(t *testing.T) {
	for _, c := range []struct {
		kind string
		data string
	}{
		{"t", `{"choices":[{"text":"a"}]}`},
		{"t", `{"choices":[{"delta":{"content":"a","reasoning_content":"b"}}]}`},
		{"t", `{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}`},
		{"t", `{"choices":[{"message":{"content":[{"type":"text","text":"a"}]}}]}`},
		{"t", `{"message":{"role":"assistant","content":"a"},"done":false}`},
		{"t", `{"response":"a","done":false}`},
		{"r", `{"choices":[{"delta":{"content":"","reasoning":"b"}}]}`},
		{"r", `{"message":{"content":"","thinking":"b"},"done":false}`},
		{"r", `{"response":"","thinking":"b","done":false}`},
		{"c", `{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{"}}]}}]}`},
		{"c", `{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}`},
		{"c", `{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}`},
		{"f", `{"choices":[{"delta":{},"finish_reason":"stop"}]}`},
		{"f", `{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}`},
		{"f", `{"response":"","done":true}`},
		{"u", `{"choices":[],"usage":{"prompt_tokens":1}}`},
		{"u", `{"usage":{"prompt_tokens":1}}`},
		{"e", `{"choices":[{"delta":{"role":"assistant"}}]}`},
		{"e", `{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}`},
		{"e", `{"choices":[{"delta":{"content":""},"finish_reason":""}],"usage":{"prompt_tokens":1}}`},
		// Other types than expected say nothing, but are no malformed JSON.
		{"e", `{"choices":null,"usage":null,"timings":0,"error":false,"object":null}`},
		{"e", `{"choices":[null,{"delta":null,"text":7,"finish_reason":3}],"message":null,"error":""}`},
		{"e", `{"choices":[{"delta":{"content":null,"tool_calls":null,"function_call":[]}}],"created_at":5}`},
		{"e", `{"usage":{"prompt_tokens":-1,"completion_tokens":"7","prompt_tokens_details":null}}`},
		{"e", `{}`},
	} {
		tally := newTally(&record.Request{}, 8, true, strings.Clone)
		tally.event([]byte(c.data), 1, false)
		assert.Equal(t, c.kind, string(tally.kinds), c.data)
		assert.Nil(t, tally.r.Failure, c.data)
	}
}

func TestDepthIsLimited(t *testing.T) {
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	for n, want := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		s := scan{b: deep(n)}
		s.skip()
		assert.Equal(t, want, s.ended(), n)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "17": 17, "1.5e3": 1500, "12345678901234567890": 12345678901234567890} {
		s := scan{b: []byte(text)}
		got, ok := s.number()
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"-1", "1e999", `"1"`, "null", "01", "1."} {
		s := scan{b: []byte(text)}
		_, ok := s.number()
		assert.False(t, ok && s.ended(), text)
	}
}

// A request of 800 KB takes the time that the server takes to read it: Wrote is when
// its last byte had gone, not when net/http had buffered it.
func TestWroteIsTheLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var read time.Time
		c := start(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			buf := make([]byte, 256<<10)
			for left := req.ContentLength; left > 0; {
				time.Sleep(10 * ms)
				n, err := req.Body.Read(buf)
				if left -= int64(n); err != nil && left > 0 {
					return
				}
			}
			read = time.Now()
			time.Sleep(50 * ms)
			sseScript(text("A")+finish("stop")+doneLine)(w, req)
		}), nil)
		began := time.Now()
		r := &record.Request{}
		c.Do(context.Background(), Ask{Prompt: strings.Repeat("x", 800<<10)}, r)
		require.Nil(t, r.Failure)
		assert.Greater(t, read.Sub(began), 10*ms)
		assert.Equal(t, ns(read.Sub(began)), r.Wrote)
		assert.Equal(t, ns(read.Sub(began)+50*ms), r.Headers)
	})
}

// A small request lies in net/http's buffer when its hook says "written".
func TestWroteIsNotTheBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		go func() {
			conn, err := m.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			time.Sleep(20 * ms)
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			time.Sleep(30 * ms)
			writes("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + text("A") + finish("stop") + doneLine)(conn)
		}()
		c := connect(t, m, nil)
		defer c.Close()
		r := do(c)
		require.Nil(t, r.Failure)
		assert.Equal(t, ns(20*ms), r.Wrote)
		assert.Equal(t, ns(50*ms), r.Headers)
	})
}
