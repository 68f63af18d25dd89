package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

func writes(raw string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, raw) }
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no scheme":   {func(c *Config) { c.Endpoint = "localhost:8000" }, `client: endpoint "localhost:8000": want http://host:port or https://host`},
		"no url":      {func(c *Config) { c.Endpoint = "http://a b:secret" }, "client: endpoint is not a URL"},
		"credentials": {func(c *Config) { c.Endpoint = "http://me:secret@host/v1" }, "client: endpoint holds credentials: give them as the api key"},
		"api":         {func(c *Config) { c.API = "grpc" }, `client: api "grpc": want completions, chat or ollama`},
		"timeout":     {func(c *Config) { c.Timeout = -1 }, "client: negative timeout or number of connections"},
		"key":         {func(c *Config) { c.APIKey = "a\nb" }, "client: api key contains a line break"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			c.change(&cfg)
			_, err := New(cfg, time.Now())
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestTarget(t *testing.T) {
	for _, c := range []struct {
		endpoint string
		api      API
		want     string
	}{
		{"http://h:1/v1", Completions, "http://h:1/v1/completions"},
		{"http://h:1/v1/", Chat, "http://h:1/v1/chat/completions"},
		{"http://h:1", Chat, "http://h:1/v1/chat/completions"},
		{"https://h/openai/v2", Completions, "https://h/openai/v2/completions"},
		{"http://h:1/v1", Ollama, "http://h:1/api/generate"},
		{"http://h:1/", Ollama, "http://h:1/api/generate"},
		{"http://h:1/proxy/v1/", Ollama, "http://h:1/proxy/api/generate"},
	} {
		got, err := target(c.endpoint, c.api)
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
}

func TestBody(t *testing.T) {
	f, seed := 0.5, uint64(42)
	ask := Ask{Prompt: "a <b> \u2028", MaxTokens: 16, Temperature: &f, TopP: &f, Seed: &seed}
	with := func(extra map[string]any) Ask { a := ask; a.Extra = extra; return a }
	for name, c := range map[string]struct {
		api  API
		ask  Ask
		want string
	}{
		"completions": {Completions, with(map[string]any{"ignore_eos": true}),
			`{"model":"m","prompt":"a <b> \u2028","max_tokens":16,"temperature":0.5,"top_p":0.5,"seed":42,"stream":true,"stream_options":{"include_usage":true},"ignore_eos":true}`},
		"chat": {Chat, with(map[string]any{"stream_options": nil, "stream": false}),
			`{"model":"m","messages":[{"role":"user","content":"a <b> \u2028"}],"max_tokens":16,"temperature":0.5,"top_p":0.5,"seed":42,"stream":true}`},
		"ollama": {Ollama, with(map[string]any{"options": map[string]any{"num_ctx": 4096}, "keep_alive": -1}),
			`{"model":"m","prompt":"a <b> \u2028","raw":true,"stream":true,"keep_alive":-1,"options":{"num_predict":16,"temperature":0.5,"top_p":0.5,"seed":42,"num_ctx":4096}}`},
		"least": {Completions, Ask{Prompt: "x"}, `{"model":"m","prompt":"x","stream":true,"stream_options":{"include_usage":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := encode(Config{API: c.api, Model: "m"}, c.ask)
			require.NoError(t, err)
			assert.JSONEq(t, c.want, string(got))
		})
	}
}

func TestBodyRefuses(t *testing.T) {
	c, err := New(DefaultConfig(), time.Now())
	require.NoError(t, err)
	for name, ask := range map[string]Ask{
		"client: prompt is not valid UTF-8":                        {Prompt: "\xff"},
		"client: max tokens -1 is negative":                        {MaxTokens: -1},
		"client: encode request: json: unsupported type: chan int": {Extra: map[string]any{"x": make(chan int)}},
	} {
		r := &record.Request{}
		c.Do(context.Background(), ask, r)
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.Failure{Kind: record.FailClient, Message: name}, *r.Failure)
		assert.False(t, r.Start.Has(), "it never started")
		assert.True(t, r.End.Has())
	}
}

func TestRequestAsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			body, _ := io.ReadAll(req.Body)
			assert.EqualValues(t, len(body), req.ContentLength)
			assert.True(t, json.Valid(body))
			assert.Equal(t, "/v1/chat/completions", req.URL.Path)
			assert.Equal(t, "Bearer s3cret", req.Header.Get("Authorization"))
			assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
			sseScript(text("A")+finish("stop")+doneLine)(w, req)
		}), func(c *Config) { c.APIKey = "s3cret" })
		r := &record.Request{Cell: "BenchmarkX", Trial: 3, Index: 4, Intended: record.Some[int64](0)}
		c.Do(context.Background(), Ask{Prompt: "p", MaxTokens: 5, Pinned: true}, r)
		assert.Nil(t, r.Failure)
		assert.Equal(t, 5, r.OutputWanted)
		assert.True(t, r.OutputPinned)
		assert.Equal(t, "BenchmarkX 3 4", fmt.Sprint(r.Cell, " ", r.Trial, " ", r.Index))
	})
}

func TestConnectionIsReusedAndDialTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sseScript(text("A")+finish("stop")+doneLine), func(c *Config) {
			inner := c.Dial
			c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				time.Sleep(3 * ms)
				return inner(ctx, network, addr)
			}
		})
		first, second := do(c), do(c)
		assert.Equal(t, ns(3*ms), first.Connect)
		assert.Equal(t, ns(3*ms), first.First)
		assert.False(t, first.ConnReused)
		assert.True(t, second.ConnReused)
		assert.False(t, second.Connect.Has())
		time.Sleep(idleLimit + ms)
		assert.False(t, do(c).ConnReused, "an idle connection is dropped before the server drops it")
	})
}

func TestHTTPErrorKeepsTheBodysBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, body := range map[int]string{
			429: `{"error":{"message":"slow down"}}`,
			500: strings.Repeat("x", 3*record.EvidenceLimit),
			503: "",
			307: "elsewhere",
		} {
			r := answer(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				time.Sleep(2 * ms)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}), nil)
			require.NotNil(t, r.Failure)
			assert.Equal(t, record.FailHTTP, r.Failure.Kind)
			assert.Equal(t, status, r.Status)
			assert.Equal(t, ns(2*ms), r.Headers)
			assert.Equal(t, ns(2*ms), r.End)
			want := body[:min(len(body), record.EvidenceLimit)]
			if body == "" {
				want = "503 Service Unavailable"
			}
			assert.Equal(t, want, r.Failure.Message)
			assert.False(t, r.CompletionTokens.Has())
		}
	})
}

func TestKeyIsNeverRecorded(t *testing.T) {
	const key = "sk-verysecret"
	synctest.Test(t, func(t *testing.T) {
		for _, body := range []string{"bad key " + key, strings.Repeat("x", record.EvidenceLimit-3) + key} {
			r := answer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(401)
				_, _ = io.WriteString(w, body)
			}), func(c *Config) { c.APIKey = key })
			require.NotNil(t, r.Failure)
			assert.NotContains(t, r.Failure.Message, "sk-")
		}
		r := answer(t, sseScript(event(`{"error":"key sk-verysecret"}`)), func(c *Config) { c.APIKey = key })
		assert.Equal(t, "key [api key]", r.Failure.Message)
	})
	cfg := Config{APIKey: key, API: Chat}
	data, err := json.Marshal(struct{ A string }{fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg)})
	require.NoError(t, err)
	assert.NotContains(t, string(data), "sk-")
	assert.Contains(t, string(data), "key set")
}

func TestTotalLimit(t *testing.T) {
	late := text("A")
	for name, steps := range map[string][]step{
		"before the headers": {{time.Hour, late}},
		"before the text":    {{1 * ms, role()}, {time.Hour, late}},
		"within the text":    {{1 * ms, text("A")}, {time.Hour, late}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, script("text/event-stream", steps...), func(c *Config) { c.Timeout, c.StallTimeout = 2*time.Second, 0 })
				require.NotNil(t, r.Failure)
				assert.Equal(t, record.Failure{Kind: record.FailTimeout, Message: "total limit passed"}, *r.Failure)
				assert.Equal(t, ns(2*time.Second), r.End)
			})
		})
	}
}

func TestStallBeginsWithTheText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("text/event-stream",
			step{time.Second, role()}, // a role at once, then a prefill longer than the limit
			step{40 * time.Second, text("A")},
			step{9 * time.Second, text("B")},
			step{9 * time.Second, ": still here\n\n"}, // no event: doesn't wind the watch
			step{9 * time.Second, text("C")},
		), func(c *Config) { c.StallTimeout = 10 * time.Second })
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.FailStall, r.Failure.Kind)
		assert.Equal(t, "ett", r.Events.Kind)
		assert.Equal(t, ns(60*time.Second), r.End)
		assert.Equal(t, "AB", r.Text)
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, script("text/event-stream", step{ms, text("A")}, step{time.Hour, text("B")}), nil)
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(5*ms, func() { cancel(errors.New("ctrl-c")) })
		r := &record.Request{}
		c.Do(ctx, Ask{Prompt: "x"}, r)
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.Failure{Kind: record.FailCancel, Message: "ctrl-c"}, *r.Failure)
		assert.Equal(t, ns(5*ms), r.End)

		r = &record.Request{}
		c.Do(ctx, Ask{Prompt: "x"}, r)
		assert.Equal(t, record.FailCancel, r.Failure.Kind, "canceled before it began")
	})
}

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		require.NoError(t, m.Close())
		r := do(connect(t, m, nil))
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.Failure{Kind: record.FailDial, Message: "connection refused"}, *r.Failure)
		assert.Zero(t, r.Status)
		assert.Empty(t, r.Stamp)
		assert.True(t, r.Start.Has())
		assert.True(t, r.End.Has())
	})
}

func TestConnectionLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := do(rawServer(t, func(net.Conn) {}))
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.FailReset, r.Failure.Kind, "closed without an answer: %v", r.Failure)

		r = do(rawServer(t, writes("SSH-2.0-OpenSSH_9.9\r\n")))
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.FailMalformed, r.Failure.Kind)
	})
	// A real reset needs a real connection.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 64<<10)
		_, _ = conn.Read(buf)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"+text("A"))
		_, _ = conn.Read(buf) // the test's go-ahead: the event has been read
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}()
	c, err := New(Config{Endpoint: "http://" + l.Addr().String(), Timeout: time.Minute,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return afterFirstEvent{conn}, err
		}}, time.Now())
	require.NoError(t, err)
	r := do(c)
	require.NotNil(t, r.Failure)
	assert.Equal(t, record.FailReset, r.Failure.Kind)
	assert.Equal(t, "t", r.Events.Kind)
	assert.Equal(t, 200, r.Status)
}

// afterFirstEvent tells the server by a byte that its event has arrived.
type afterFirstEvent struct{ net.Conn }

func (c afterFirstEvent) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if strings.Contains(string(p[:n]), "data:") {
		_, _ = c.Write([]byte("x"))
	}
	return n, err
}

func TestBrokenCodings(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	synctest.Test(t, func(t *testing.T) {
		for name, raw := range map[string]string{
			"chunk length": head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(text("A")) + "zz\r\nx",
			"no gzip":      head + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + strings.Repeat("x", 20),
			"brotli":       head + "Content-Encoding: br\r\nContent-Length: 20\r\n\r\n" + strings.Repeat("x", 20),
		} {
			r := do(rawServer(t, writes(raw)))
			require.NotNil(t, r.Failure, name)
			assert.Equal(t, record.FailMalformed, r.Failure.Kind, name)
		}
	})
}

func TestStreamLeftOpenAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("text/event-stream", step{10 * ms, text("A")}, step{10 * ms, finish("stop") + doneLine}, step{time.Hour, "x"}),
			func(c *Config) { c.StallTimeout = 100 * ms })
		assert.Nil(t, r.Failure)
		assert.Equal(t, ns(20*ms), r.End, "the end is the terminator's, not our patience's")
	})
}

func TestNothingIsAFailureAfterTheTerminator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("text/event-stream", step{0, join(text("A"), finish("stop"), doneLine, "garbage here\n\n", event(`{"error":"late"}`))}), nil)
		assert.Nil(t, r.Failure)
		assert.Equal(t, "tf", r.Events.Kind)
	})
}

func TestUnstreamedAnswer(t *testing.T) {
	chat := `{
  "object": "chat.completion",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "A B"}, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 5, "completion_tokens": 2}
}`
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("application/json", step{5 * ms, chat[:40]}, step{5 * ms, chat[40:]}), nil)
		require.Nil(t, r.Failure)
		assert.Equal(t, "t", r.Events.Kind)
		assert.Equal(t, "A B", r.Text)
		assert.Equal(t, "stop", r.FinishReason)
		assert.Equal(t, ns(10*ms), r.First)
		assert.Equal(t, ns(10*ms), r.Done)
		assert.Equal(t, record.Some(2), r.CompletionTokens)

		r = answer(t, script("application/json", step{0, `{"error":{"message":"no such model"}}`}), nil)
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.Failure{Kind: record.FailStream, Message: "no such model"}, *r.Failure)

		r = answer(t, script("application/json", step{0, chat[:60]}), nil)
		require.NotNil(t, r.Failure)
		assert.Equal(t, record.FailMalformed, r.Failure.Kind)
	})
}

func TestServerFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, sseScript(join(text("A"), event(`{"choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"cache_n":100,"prompt_n":28,"prompt_ms":12.5,"predicted_n":6,"predicted_ms":40.25}}`), doneLine)), nil)
		assert.Equal(t, record.Some(128), r.PromptTokens)
		assert.Equal(t, record.Some(100), r.CachedTokens)
		assert.Equal(t, record.Some(6), r.CompletionTokens)
		assert.Equal(t, record.Some[int64](12_500_000), r.ServerPrefill)
		assert.Equal(t, record.Some[int64](40_250_000), r.ServerDecode)

		r = answer(t, sseScript(join(text("A"), event(`{"choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"prompt_n":28,"predicted_n":6}}`), doneLine)), nil)
		assert.False(t, r.PromptTokens.Has(), "prompt_n without cache_n may leave out what was cached")

		r = answer(t, sseScript(join(text("A"), event(`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":0}}}`), doneLine)), nil)
		assert.Equal(t, record.Some(0), r.CachedTokens, "nothing cached is a figure")

		r = answer(t, sseScript(join(text("A b"), event(`{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4,"prefill_time_ms":181.5,"prefill_tokens":17,"generate_time_ms":900.0,"generate_tokens":14,"memory_usage_mb":700}}`), doneLine)), nil)
		assert.Equal(t, record.Some(17), r.PromptTokens, "the runtime's count, not the words")
		assert.Equal(t, record.Some(14), r.CompletionTokens)
		assert.Equal(t, record.Some[int64](181_500_000), r.ServerPrefill)
		assert.Equal(t, record.Some[int64](900_000_000), r.ServerDecode)
		assert.Equal(t, "tf", r.Events.Kind)
	})
}

func TestOllamaFullCacheHitHasNoPromptCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("application/x-ndjson", step{0, `{"response":"A","done":false}` + "\n" + `{"response":"","done":true,"eval_count":1,"eval_duration":5}` + "\n"}),
			func(c *Config) { c.API = Ollama })
		require.Nil(t, r.Failure)
		assert.False(t, r.PromptTokens.Has())
		assert.False(t, r.ServerPrefill.Has())
		assert.Equal(t, record.Some(1), r.CompletionTokens)
		assert.Empty(t, r.FinishReason, "old versions send no done_reason")
		assert.True(t, r.Terminated)
	})
}

func TestTextIsJoinedAcrossEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := func(s string) string { return "data: {\"choices\":[{\"text\":\"" + s + "\"}]}\n\n" }
		r := answer(t, sseScript(join(raw("\xe4\xb8"), raw("\x96"), raw(`\u4e16\n\t\"\\\/\ud83d\ude00`), raw(`\ud83d`), raw("\xff"), finish("stop"), doneLine)),
			func(c *Config) { c.API = Completions })
		require.Nil(t, r.Failure)
		assert.Equal(t, "世世\n\t\"\\/😀\uFFFD\uFFFD", r.Text)

		r = answer(t, sseScript(join(raw("a"), raw("b"), doneLine)), func(c *Config) { c.KeepText = false })
		assert.Empty(t, r.Text)
		assert.Equal(t, "tt", r.Events.Kind)
	})
}

func TestCapturedStreams(t *testing.T) {
	for _, name := range []string{"ollama-0.6.5-chat", "ollama-0.6.5-comp", "ollama-0.17.4-chat", "ollama-0.17.4-comp"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + name + ".sse")
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, sseScript(string(data)), nil)
				require.Nil(t, r.Failure)
				assert.Equal(t, "length", r.FinishReason)
				assert.True(t, r.Terminated)
				assert.Equal(t, "server", r.TokenSource)
				assert.Equal(t, record.Some(12), r.CompletionTokens)
				assert.Equal(t, "ttttttttttttfu", r.Events.Kind)
				assert.Equal(t, ", there was a little girl named Lily. She", r.Text)
			})
		})
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(sseScript(join(text("A"), finish("stop"), doneLine)))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is wanted
	srv.StartTLS()
	defer srv.Close()
	cfg := DefaultConfig()
	cfg.Endpoint = srv.URL
	c, err := New(cfg, time.Now())
	require.NoError(t, err)
	r := do(c)
	require.NotNil(t, r.Failure)
	assert.Equal(t, record.FailDial, r.Failure.Kind, "an unknown certificate")

	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	cfg.TLS = &tls.Config{RootCAs: roots}
	c, err = New(cfg, time.Now())
	require.NoError(t, err)
	defer c.Close()
	r = do(c)
	require.Nil(t, r.Failure)
	assert.Equal(t, "A", r.Text)
	at := func(o record.Opt[int64]) int64 { v, ok := o.Get(); require.True(t, ok); return v }
	assert.Less(t, at(r.Start), at(r.Wrote))
	// The kernel may have the answer before the write call has returned to us.
	assert.LessOrEqual(t, at(r.Start), at(r.Headers))
	assert.LessOrEqual(t, at(r.Headers), at(r.First))
	assert.LessOrEqual(t, at(r.First), at(r.End))
}

func TestEncodingIsNotInTheTTFT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sseScript(text("A")+finish("stop")+doneLine), nil)
		r := &record.Request{}
		// Encoding takes a second of the fake clock.
		c.Do(context.Background(), Ask{Prompt: "x", Extra: map[string]any{"slow": slow{}}}, r)
		require.Nil(t, r.Failure)
		assert.Equal(t, ns(time.Second), r.Start)
		assert.Equal(t, ns(time.Second), r.First)
	})
}

type slow struct{}

func (slow) MarshalJSON() ([]byte, error) { time.Sleep(time.Second); return []byte("1"), nil }

func TestWatchSeesEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, script("text/event-stream", step{10 * ms, text("A")}, step{10 * ms, text("B")}, step{10 * ms, doneLine}), nil)
		epoch := time.Now()
		var seen []string
		r := &record.Request{}
		c.Do(context.Background(), Ask{Prompt: "x", Watch: func(data []byte, at int64) {
			seen = append(seen, fmt.Sprint(at, " ", string(data)))
			assert.Equal(t, epoch.Add(time.Duration(at)).UnixNano(), c.Wall(at))
		}}, r)
		data := func(s string) string { return strings.TrimSpace(strings.TrimPrefix(s, "data: ")) }
		assert.Equal(t, []string{"10000000 " + data(text("A")), "20000000 " + data(text("B")), "30000000 [DONE]"}, seen)
	})
}
