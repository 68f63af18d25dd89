package mockserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seen is one faulty exchange beside the same without the fault: a chat of 6
// tokens, streamed by vLLM's dialect. Healthy it has 9 payloads: role, 6 with
// text, usage, [DONE]; first token after 20 ms, then every 2 ms.
type seen struct {
	exchange
	healthy exchange
}

func (s seen) deltas(t *testing.T, key string) (out []string) {
	for _, e := range s.events(t) {
		if c, ok := e["choices"].([]any); ok && len(c) > 0 {
			if text, ok := c[0].(object)["delta"].(object)[key].(string); ok && text != "" {
				out = append(out, text)
			}
		}
	}
	return out
}

func (s seen) usages(t *testing.T) (out []float64) {
	for _, e := range s.events(t) {
		if u, ok := e["usage"].(object); ok {
			out = append(out, u["completion_tokens"].(float64))
		}
	}
	return out
}

func finishes(x exchange) int {
	return strings.Count(x.body(), `"finish_reason":"`)
}

const msec = time.Millisecond

// One row a fault: what it does on the wire, and so what undoing it would break.
var faultChecks = map[string]struct {
	spec  string // empty: the name alone
	check func(t *testing.T, s seen)
}{
	"status": {"status=503", func(t *testing.T, s seen) {
		assert.Equal(t, 503, s.status)
		assert.Contains(t, s.body(), `"code":503`)
	}},
	"rate_limit": {"", func(t *testing.T, s seen) {
		assert.Equal(t, 429, s.status)
		assert.Equal(t, "1", s.header.Get("Retry-After"))
	}},
	"auth": {"", func(t *testing.T, s seen) { assert.Equal(t, 401, s.status) }},
	"oom": {"", func(t *testing.T, s seen) {
		assert.Equal(t, 500, s.status)
		assert.Contains(t, s.body(), "CUDA out of memory. Tried to allocate")
	}},
	"kv_exhausted": {"", func(t *testing.T, s seen) {
		assert.Equal(t, 500, s.status)
		assert.Contains(t, s.body(), "No available memory for the cache blocks")
	}},
	"context_limit": {"", func(t *testing.T, s seen) {
		assert.Equal(t, 400, s.status)
		assert.Contains(t, s.body(), "maximum context length")
	}},
	"hang": {"", func(t *testing.T, s seen) { assert.ErrorIs(t, s.err, context.DeadlineExceeded) }},
	"drop": {"", func(t *testing.T, s seen) { assert.ErrorIs(t, s.err, io.EOF) }},
	"die": {"die=2", func(t *testing.T, s seen) {
		assert.Len(t, s.data(), 2)
		assert.ErrorIs(t, s.err, io.ErrUnexpectedEOF)
	}},
	"oom_stream": {"oom_stream=2", func(t *testing.T, s seen) {
		d := s.data()
		require.Len(t, d, 3)
		assert.Equal(t, 200, s.status)
		assert.Contains(t, d[2], `{"error":{`)
		assert.Contains(t, d[2], "CUDA out of memory")
		assert.NoError(t, s.err)
	}},
	"error_object": {"error_object=4", func(t *testing.T, s seen) {
		d := s.data()
		require.Len(t, d, 5)
		assert.Contains(t, d[4], `{"error":{`)
		assert.NotContains(t, d[4], "memory")
	}},
	"cut": {"cut=2", func(t *testing.T, s seen) {
		assert.Len(t, s.data(), 2)
		assert.NoError(t, s.err, "a clean end")
		assert.Zero(t, finishes(s.exchange))
	}},
	"reset": {"reset=2", func(t *testing.T, s seen) {
		assert.Len(t, s.data(), 2)
		assert.ErrorIs(t, s.err, io.ErrUnexpectedEOF) // over TCP: TestResetOverTCP
	}},
	"malformed": {"malformed=3", func(t *testing.T, s seen) {
		d := s.data()
		require.Len(t, d, 10)
		for i, x := range d[:9] {
			assert.Equal(t, i != 3, json.Valid([]byte(x)), x)
		}
		assert.Equal(t, "[DONE]", d[9])
	}},
	"no_finish": {"", func(t *testing.T, s seen) {
		assert.Len(t, s.data(), 9)
		assert.Zero(t, finishes(s.exchange))
	}},
	"no_done": {"", func(t *testing.T, s seen) {
		assert.Len(t, s.data(), 8)
		assert.NotContains(t, s.body(), "[DONE]")
		assert.Equal(t, 1, finishes(s.exchange))
	}},
	"stall": {"stall=3/700", func(t *testing.T, s seen) {
		at := s.arrivals()
		assert.Equal(t, 22*msec, at[2])
		assert.Equal(t, 724*msec, at[3], "2 ms for the token, 700 of silence")
		assert.Equal(t, 726*msec, at[4], "the cadence goes on")
	}},
	"empty_first": {"empty_first=5", func(t *testing.T, s seen) {
		assert.Len(t, s.data(), 9)
		assert.Contains(t, s.data()[0], `"content":""`)
		assert.Equal(t, []time.Duration{5 * msec, 20 * msec}, s.arrivals()[:2])
	}},
	"empty_output": {"", func(t *testing.T, s seen) {
		assert.Empty(t, s.deltas(t, "content"))
		assert.Equal(t, 1, finishes(s.exchange))
		assert.Equal(t, []float64{0}, s.usages(t))
	}},
	"reasoning": {"reasoning=4", func(t *testing.T, s seen) {
		assert.Len(t, s.deltas(t, "reasoning_content"), 4)
		assert.Len(t, s.deltas(t, "content"), 2)
	}},
	"reasoning_key": {"reasoning_key=2", func(t *testing.T, s seen) {
		assert.Len(t, s.deltas(t, "reasoning"), 2)
		assert.Len(t, s.deltas(t, "content"), 4)
	}},
	"multi_token": {"multi_token=4", func(t *testing.T, s seen) {
		d := s.deltas(t, "content")
		require.Len(t, d, 2)
		assert.Equal(t, []int{4, 2}, []int{CountTokens(d[0]), CountTokens(d[1])})
		assert.Equal(t, []float64{6}, s.usages(t))
		assert.Equal(t, 28*msec, s.arrivals()[2], "the fifth token's instant")
	}},
	"no_usage":          {"", func(t *testing.T, s seen) { assert.Empty(t, s.usages(t)) }},
	"usage_every_chunk": {"", func(t *testing.T, s seen) { assert.Equal(t, []float64{1, 2, 3, 4, 5, 6, 6}, s.usages(t)) }},
	"usage_zero_chunks": {"", func(t *testing.T, s seen) { assert.Equal(t, []float64{0, 0, 0, 0, 0, 0, 6}, s.usages(t)) }},
	"usage_last_content": {"", func(t *testing.T, s seen) {
		assert.Equal(t, []float64{6}, s.usages(t))
		assert.Len(t, s.data(), 8, "no trailing chunk")
	}},
	"word_usage": {"", func(t *testing.T, s seen) {
		assert.Contains(t, s.body(), `"prompt_tokens":2,`)
		assert.Contains(t, s.healthy.body(), `"prompt_tokens":13,`)
	}},
	"short": {"short=2", func(t *testing.T, s seen) {
		assert.Len(t, s.deltas(t, "content"), 2)
		assert.Contains(t, s.body(), `"finish_reason":"stop"`)
		assert.Equal(t, []float64{2}, s.usages(t))
	}},
	"truncate_prompt": {"truncate_prompt=5", func(t *testing.T, s seen) { assert.Contains(t, s.body(), `"prompt_tokens":5,`) }},
	"cached":          {"cached=9", func(t *testing.T, s seen) { assert.Contains(t, s.body(), `"cached_tokens":9}`) }},
	"crlf": {"", func(t *testing.T, s seen) {
		assert.Equal(t, strings.Count(s.body(), "\n"), strings.Count(s.body(), "\r\n"))
		assert.Equal(t, len(s.lines), len(s.healthy.lines))
	}},
	"nospace": {"", func(t *testing.T, s seen) {
		assert.Equal(t, 8, strings.Count(s.body(), "data:{"))
		assert.Zero(t, strings.Count(s.body(), "data: "))
	}},
	"comments": {"", func(t *testing.T, s seen) { assert.Equal(t, 9, strings.Count(s.body(), ": keep-alive\n\n")) }},
	"event_id_fields": {"", func(t *testing.T, s seen) {
		assert.Equal(t, 9, strings.Count(s.body(), "event: message\nid: "))
		assert.Contains(t, s.body(), "id: 8\nretry: 3000\ndata: [DONE]")
	}},
	"split": {"split=7", func(t *testing.T, s seen) { sameStream(t, s) }}, // the pieces: TestSplitOverTCP
	"utf8": {"", func(t *testing.T, s seen) {
		all := strings.Join(s.deltas(t, "content"), "")
		assert.Greater(t, len(all), utf8.RuneCountInString(all))
		assert.NotContains(t, s.body(), `\u`)
		assert.Equal(t, 6, CountTokens(all))
	}},
	"long_line": {"long_line=100000", func(t *testing.T, s seen) {
		assert.Greater(t, len(s.data()[1]), 100000)
		assert.Less(t, len(s.data()[2]), 1000)
		assert.Len(t, s.deltas(t, "content"), 6)
	}},
	"no_trailing_newline": {"", func(t *testing.T, s seen) {
		assert.Equal(t, "data: [DONE]", s.lines[len(s.lines)-1].text)
		assert.Equal(t, "", s.healthy.lines[len(s.healthy.lines)-1].text)
	}},
	"gzip": {"", func(t *testing.T, s seen) {
		assert.Equal(t, "gzip", s.header.Get("Content-Encoding"))
		z, err := gzip.NewReader(strings.NewReader(strings.TrimSuffix(s.body(), "\n")))
		require.NoError(t, err)
		plain, err := io.ReadAll(z)
		require.NoError(t, err)
		assert.Equal(t, 9, bytes.Count(plain, []byte("data: ")))
	}},
	"burst": {"", func(t *testing.T, s seen) {
		at := s.arrivals()
		assert.Equal(t, []time.Duration{20 * msec, 20 * msec, 24 * msec, 24 * msec, 28 * msec, 28 * msec}, at[:6])
	}},
	"slow_headers": {"slow_headers=300", func(t *testing.T, s seen) { assert.Equal(t, 320*msec, s.arrivals()[0]) }},
	"ttft": {"ttft=40", func(t *testing.T, s seen) {
		assert.Equal(t, []time.Duration{60 * msec, 60 * msec, 62 * msec}, s.arrivals()[:3])
	}},
	"slow": {"slow=50", func(t *testing.T, s seen) {
		assert.Equal(t, []time.Duration{30 * msec, 30 * msec, 33 * msec}, s.arrivals()[:3])
	}},
}

func sameStream(t *testing.T, s seen) {
	assert.Equal(t, shapes(t, s.healthy.data()), shapes(t, s.data()))
	assert.Equal(t, s.healthy.arrivals(), s.arrivals())
}

func TestEveryFault(t *testing.T) {
	require.Len(t, faultChecks, len(Faults()))
	body := object{"messages": []object{{"role": "user", "content": "hello, it's"}}, "max_tokens": 6, "stream": true, "stream_options": object{"include_usage": true}}
	for _, f := range Faults() {
		row, ok := faultChecks[f.Name]
		require.True(t, ok, "no check of fault %s", f.Name)
		spec := row.spec
		if spec == "" {
			spec = f.Name
		}
		t.Run(f.Name, func(t *testing.T) {
			inBubble(t, exact(t, "ideal"), Options{}, func(t *testing.T, c *http.Client, _ *Server) {
				c.Timeout = time.Hour
				healthy := post(t, c, "/v1/chat/completions", body)
				require.Len(t, healthy.data(), 9)
				faulty := post(t, c, "/v1/chat/completions", body, HeaderFault, spec)
				row.check(t, seen{faulty, healthy})
			})
		})
	}
}

func TestDeadServerAnswersNothing(t *testing.T) {
	inBubble(t, exact(t, "fast"), Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		post(t, c, "/v1/completions", completion(10, 9, "x"), HeaderFault, "die=1")
		assert.Error(t, post(t, c, "/v1/completions", completion(10, 9, "x")).err)
	})
}

// The documentation, the list and the code name the same faults.
func TestFaultsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, doc, _ = bytes.Cut(doc, []byte("# Faults"))
	traps := map[string]bool{}
	for _, f := range Faults() {
		assert.Regexp(t, `(?m)^//\t.*\b`+f.Name+`\b`, string(doc))
		assert.NotEmpty(t, f.Effect)
		traps[f.Trap] = true
	}
	// The rows of the list of traps that a server can cause by itself.
	for _, row := range []string{"1", "2", "4", "9", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "22"} {
		assert.True(t, traps[row], "trap %s", row)
	}
}

func TestParseFaults(t *testing.T) {
	got, err := parseFaults("status=503:5, cut=2:1.5,stall=3/500ms,oom:0%,crlf")
	require.NoError(t, err)
	assert.Equal(t, []rated{
		{"status", arg{n: 503}, 5}, {"cut", arg{n: 2}, 1.5}, {"stall", arg{3, 500 * msec}, 100}, {"oom", arg{}, 0}, {"crlf", arg{}, 100},
	}, got)
	for list, want := range map[string]string{
		"nope":        "unknown fault",
		"status=abc":  "wants code",
		"status=200":  "400 to 599",
		"cut=-1":      "wants events",
		"cut=2:200":   "no percentage",
		"cut:x":       "no percentage",
		"crlf=1":      "takes no argument",
		"stall=3":     "wants events/ms",
		"split=0":     "at least 1",
		"stall=3/abc": "wants events/ms",
	} {
		_, err := parseFaults(list)
		assert.ErrorContains(t, err, want, list)
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add("status=503:5,cut=2:1")
	f.Add("stall=3/500:10, crlf")
	f.Fuzz(func(t *testing.T, list string) {
		got, err := parseFaults(list)
		if err != nil && got != nil {
			t.Fatal("faults with an error")
		}
		for _, r := range got {
			if r.percent < 0 || r.percent > 100 || r.arg.n < 0 {
				t.Fatalf("%q: %+v", list, r)
			}
		}
	})
}

// A rate is the share of requests that is struck, and a seed repeats it.
func TestFaultRates(t *testing.T) {
	faults, err := parseFaults("status:20,cut:0")
	require.NoError(t, err)
	count := func(seed uint64) (n int) {
		rng := rand.New(rand.NewPCG(seed, 0))
		for range 10000 {
			a, err := draw(faults, "", rng)
			require.NoError(t, err)
			assert.False(t, a.has("cut"))
			if a.has("status") {
				n++
			}
		}
		return n
	}
	assert.InDelta(t, 2000, count(1), 120, "three standard deviations")
	assert.Equal(t, count(3), count(3))
}

// With a stamp, each event carries the instant of its writing, and a client
// behind a perfect wire sees that instant.
func TestStamp(t *testing.T) {
	inBubble(t, exact(t, "ideal"), Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		start := time.Now()
		x := post(t, c, "/v1/completions", completion(10, 4, "x"), HeaderStamp, "1")
		for i, d := range x.data()[:5] {
			var e struct {
				At int64 `json:"mock_write_unix_ns"`
			}
			require.NoError(t, json.Unmarshal([]byte(d), &e))
			assert.Equal(t, start.Add(x.arrivals()[i]).UnixNano(), e.At)
		}
		y := post(t, c, "/v1/completions", completion(10, 4, "x"))
		assert.NotContains(t, y.body(), "mock_write")
	})
}

// rawPost sends a request over a real TCP connection and returns the reads as
// they came.
func rawPost(t *testing.T, url, fault string) (reads []string, err error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	body := marshal(object{"prompt": "x", "max_tokens": 3, "stream": true})
	fmt.Fprintf(conn, "POST /v1/completions HTTP/1.1\r\nHost: x\r\n%s: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", HeaderFault, fault, len(body), body)
	buf := make([]byte, 1<<16)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			reads = append(reads, string(buf[:n]))
		}
		if err == io.EOF {
			return reads, nil
		}
		if err != nil {
			return reads, err
		}
	}
}

func TestResetOverTCP(t *testing.T) {
	s, err := New(exact(t, "null"), Options{})
	require.NoError(t, err)
	h := httptest.NewServer(s)
	defer h.Close()
	_, err = rawPost(t, h.URL, "reset=2")
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	reads, err := rawPost(t, h.URL, "cut=2")
	assert.NoError(t, err)
	assert.True(t, strings.HasSuffix(strings.Join(reads, ""), "0\r\n\r\n"), "chunked coding ends properly")
}

// Pieces of 3 bytes, one HTTP chunk each, some of them inside a character.
func TestSplitInsideCharacters(t *testing.T) {
	s, err := New(exact(t, "null"), Options{})
	require.NoError(t, err)
	h := httptest.NewServer(s)
	defer h.Close()
	reads, err := rawPost(t, h.URL, "split=3,utf8")
	require.NoError(t, err)
	_, body, _ := strings.Cut(strings.Join(reads, ""), "\r\n\r\n")
	broken := 0
	for i := 0; ; i++ {
		size, rest, _ := strings.Cut(body, "\r\n")
		if size == "0" {
			assert.Greater(t, i, 100)
			break
		}
		var n int
		_, err := fmt.Sscanf(size, "%x", &n)
		require.NoError(t, err)
		assert.LessOrEqual(t, n, 3)
		if !utf8.ValidString(rest[:n]) {
			broken++
		}
		body = rest[n+2:]
	}
	assert.Positive(t, broken)
}
