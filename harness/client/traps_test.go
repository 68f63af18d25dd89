package client

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// The numbers are those of the list of traps that other tools fell into.

func TestTrap01RoleChunkIsNotFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, script("text/event-stream",
			step{5 * ms, ": hi\n\n"},
			step{5 * ms, role()},
			step{20 * ms, text("A")},
			step{4 * ms, text("B")},
			step{6 * ms, finish("stop")},
			step{1 * ms, usage(7, 2)},
			step{1 * ms, doneLine},
		), nil)
		time.Sleep(100 * ms)
		r := do(c)
		require.Nil(t, r.Failure)
		assert.Equal(t, ns(100*ms), r.Start)
		assert.Equal(t, ns(100*ms), r.Wrote)
		assert.Equal(t, ns(105*ms), r.Headers)
		assert.Equal(t, ns(130*ms), r.First)
		assert.Equal(t, ns(130*ms), r.Answer)
		assert.Equal(t, ns(134*ms), r.Last)
		assert.Equal(t, ns(140*ms), r.Done)
		assert.Equal(t, ns(142*ms), r.End)
		assert.Equal(t, "ettfu", r.Events.Kind)
		assert.Equal(t, []int64{int64(10 * ms), int64(30 * ms), int64(34 * ms), int64(40 * ms), int64(41 * ms)}, r.Events.Arrive)
		assert.Equal(t, "AB", r.Text)
		assert.Equal(t, record.Some(7), r.PromptTokens)
		assert.Equal(t, record.Some(2), r.CompletionTokens)
		assert.Equal(t, "server", r.TokenSource)
		assert.Equal(t, "stop", r.FinishReason)
		assert.Equal(t, "user", r.Stamp)
		assert.Equal(t, 200, r.Status)
		assert.True(t, r.Terminated)
		assert.False(t, r.ConnReused)
		assert.Equal(t, ns(0), r.Connect)
	})
}

func TestTrap02ReasoningIsGeneratedText(t *testing.T) {
	for name, key := range map[string]string{"vllm": "reasoning_content", "newer": "reasoning"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, script("text/event-stream",
					step{10 * ms, role()},
					step{10 * ms, event(`{"choices":[{"delta":{"content":null,%q:"hm"}}]}`, key)},
					step{50 * ms, text("A")},
					step{1 * ms, finish("stop") + doneLine},
				), nil)
				assert.Equal(t, ns(20*ms), r.First)
				assert.Equal(t, ns(70*ms), r.Answer)
				assert.Equal(t, "ertf", r.Events.Kind)
				assert.Equal(t, "A", r.Text, "reasoning is not the answer")
			})
		})
	}
}

func TestTrap02ToolCallArgumentsAreGeneratedText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("text/event-stream",
			step{10 * ms, event(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}`)},
			step{10 * ms, event(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}}]}`)},
			step{10 * ms, event(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}`)},
			step{10 * ms, finish("tool_calls") + doneLine},
		), nil)
		assert.Equal(t, "eccf", r.Events.Kind)
		assert.Equal(t, ns(20*ms), r.First)
		assert.Equal(t, ns(30*ms), r.Last)
		assert.False(t, r.Answer.Has())
	})
}

func TestTrap03NoTextLeavesFirstAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, sseScript(join(role(), role(), doneLine)), nil)
		assert.False(t, r.First.Has(), "absent, not 0")
		assert.False(t, r.Last.Has())
		assert.False(t, r.CompletionTokens.Has())
		assert.Equal(t, "ee", r.Events.Kind)
	})
}

func TestTrap04GapZeroIsAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, script("text/event-stream",
			step{10 * ms, text("A") + text("B")}, step{5 * ms, text("C") + finish("length") + doneLine}), nil)
		assert.Equal(t, []int64{int64(10 * ms), int64(10 * ms), int64(15 * ms), int64(15 * ms)}, r.Events.Arrive)
		assert.Equal(t, "tttf", r.Events.Kind)
	})
}

func TestTrap05EpochMustBeMonotonic(t *testing.T) {
	_, err := New(DefaultConfig(), time.Now().Round(0))
	assert.EqualError(t, err, "client: epoch has no monotonic reading")
	_, err = New(DefaultConfig(), time.Time{})
	assert.Error(t, err)
	_, err = New(DefaultConfig(), time.Now())
	assert.NoError(t, err)
}

func TestTrap07ThePoolNeverQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const users = 300 // three times the common default limit, many times MaxConns
		var inside sync.WaitGroup
		inside.Add(users)
		c := start(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			inside.Done()
			inside.Wait() // answered only when all are being served
			time.Sleep(10 * ms)
			sseScript(join(text("A"), finish("stop"), doneLine))(w, req)
		}), func(cfg *Config) { cfg.MaxConns = 2; cfg.Timeout = time.Second })
		records := make([]*record.Request, users)
		var wg sync.WaitGroup
		for i := range records {
			wg.Go(func() { records[i] = do(c) })
		}
		wg.Wait()
		for _, r := range records {
			require.Nil(t, r.Failure)
			require.Equal(t, ns(10*ms), r.First)
		}
	})
}

func TestTrap09CountsAreTheServersNotTheChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, sseScript(join(text("three tokens here"), text(" and four more now"), finish("length"), usage(5, 7), doneLine)), nil)
		assert.Equal(t, record.Some(7), r.CompletionTokens)
		assert.Equal(t, "server", r.TokenSource)
		assert.Equal(t, "ttfu", r.Events.Kind)
	})
}

// TestTrap11Framing sends the same answer in every shape a server may give it.
func TestTrap11Framing(t *testing.T) {
	plain := join(role(), text("Grüße"), text(" 世界"), finish("stop"), usage(3, 2), doneLine)
	forms := map[string]string{
		"plain":              plain,
		"crlf":               strings.ReplaceAll(plain, "\n", "\r\n"),
		"cr":                 strings.ReplaceAll(plain, "\n", "\r"),
		"no space":           strings.ReplaceAll(plain, "data: ", "data:"),
		"comments":           ": start\n\n" + strings.ReplaceAll(plain, "\n\n", "\n\n: keep-alive\n\n:\n"),
		"event and id":       strings.ReplaceAll(plain, "data: ", "event: message\nid: 7\nretry: 10\ndata: "),
		"multi-line":         strings.ReplaceAll(plain, `"choices":`, "\ndata: \"choices\":\ndata: "),
		"no trailing blank":  strings.TrimSuffix(plain, "\n"),
		"no trailing break":  strings.TrimSuffix(plain, "\n\n"),
		"byte order mark":    "\xef\xbb\xbf" + plain,
		"white space in it":  strings.ReplaceAll(plain, `,"`, " ,\t\""),
		"empty data between": strings.ReplaceAll(plain, "\n\n", "\n\ndata:\n\n"),
	}
	for name, stream := range forms {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				checkGreeting(t, answer(t, sseScript(stream), nil))
			})
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var steps []step
			for i := range len(plain) {
				steps = append(steps, step{1 * ms, plain[i : i+1]})
			}
			r := answer(t, script("text/event-stream", steps...), nil)
			checkGreeting(t, r)
			// The stamp is that of the byte that ended the data line.
			end := len(role()) + len(text("Grüße")) - 1
			assert.Equal(t, ns(time.Duration(end)*ms), r.First)
		})
	})
	t.Run("no content type", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			checkGreeting(t, answer(t, script("", step{0, plain}), nil))
		})
	})
	t.Run("application/json all the same", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			checkGreeting(t, answer(t, script("application/json", step{0, plain}), nil))
		})
	})
}

func checkGreeting(t *testing.T, r *record.Request) {
	t.Helper()
	require.Nil(t, r.Failure)
	assert.Equal(t, "ettfu", r.Events.Kind)
	assert.Equal(t, "Grüße 世界", r.Text)
	assert.Equal(t, "stop", r.FinishReason)
	assert.Equal(t, record.Some(2), r.CompletionTokens)
	assert.True(t, r.Terminated)
}

func TestTrap11Gzip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			assert.Empty(t, req.Header.Get("Accept-Encoding"), "not asked for")
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for _, part := range []string{role(), text("Grüße"), text(" 世界"), finish("stop"), usage(3, 2), doneLine} {
				time.Sleep(10 * ms)
				_, _ = io.WriteString(z, part)
				_ = z.Flush()
				w.(http.Flusher).Flush()
			}
			_ = z.Close()
		}), nil)
		checkGreeting(t, r)
		assert.Equal(t, ns(20*ms), r.First)
		assert.Equal(t, ns(30*ms), r.Last)
		assert.Equal(t, ns(40*ms), r.Done)
	})
}

func TestTrap11TenMegabyteLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 10<<20)
		r := answer(t, sseScript(join(text("a"), text(long), text("b"), finish("stop"), doneLine)), nil)
		require.Nil(t, r.Failure)
		assert.Equal(t, "tttf", r.Events.Kind)
		assert.True(t, r.Text == "a"+long+"b")
	})
}

func TestTrap11LineBeyondTheLimitIsMalformed(t *testing.T) {
	r := &record.Request{}
	d := decoder{framing: sse, tally: newTally(r, 8, true, strings.Clone), lines: lines{limit: 1000}}
	feed(&d, []byte(text("ok")+text(strings.Repeat("x", 2000))), 64)
	require.NotNil(t, r.Failure)
	assert.Equal(t, record.FailMalformed, r.Failure.Kind)
	assert.Equal(t, "t", string(d.tally.kinds))
}

func TestTrap11NDJSON(t *testing.T) {
	ndjson := strings.Join([]string{
		`{"model":"m","created_at":"2026-01-01T00:00:00.1Z","response":"","done":false}`,
		`{"model":"m","created_at":"2026-01-01T00:00:00.2Z","response":"","thinking":"hm","done":false}`,
		`{"model":"m","created_at":"2026-01-01T00:00:00.3Z","response":"Gr\u00fc\u00dfe","done":false}`,
		`{"model":"m","created_at":"2026-01-01T00:00:00.4Z","response":" \ud83d\ude00","done":false}`,
		`{"model":"m","created_at":"2026-01-01T00:00:00.5Z","response":"","done":true,"done_reason":"length","total_duration":9,"load_duration":1000,"prompt_eval_count":26,"prompt_eval_duration":2000,"eval_count":3,"eval_duration":3000}`,
	}, "\n")
	for name, stream := range map[string]string{"lf": ndjson + "\n", "crlf": strings.ReplaceAll(ndjson, "\n", "\r\n"), "open end": ndjson, "blank lines": strings.ReplaceAll(ndjson, "\n", "\n\n")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, script("application/x-ndjson", step{5 * ms, stream}), func(c *Config) { c.API = Ollama })
				require.Nil(t, r.Failure)
				assert.Equal(t, "erttf", r.Events.Kind)
				assert.Equal(t, "Grüße 😀", r.Text)
				assert.Equal(t, "length", r.FinishReason)
				assert.True(t, r.Terminated)
				assert.Equal(t, ns(5*ms), r.Done)
				assert.Equal(t, record.Some(26), r.PromptTokens)
				assert.Equal(t, record.Some(3), r.CompletionTokens)
				assert.Equal(t, record.Some[int64](1000), r.ServerLoad)
				assert.Equal(t, record.Some[int64](2000), r.ServerPrefill)
				assert.Equal(t, record.Some[int64](3000), r.ServerDecode)
			})
		})
	}
}

func TestTrap12StreamThatEndsEarlyShowsWhatItLacks(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	one := text("A")
	endings := map[string]string{
		"after an event":      head + "Connection: close\r\n\r\n" + one,
		"within a line":       head + "Connection: close\r\n\r\n" + one + text("B")[:20],
		"within a chunk":      head + "Transfer-Encoding: chunked\r\n\r\nffff\r\n" + one,
		"without last chunk":  head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(one),
		"in the length given": head + "Content-Length: 4000\r\n\r\n" + one,
	}
	for name, raw := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := do(rawServer(t, writes(raw)))
				assert.Nil(t, r.Failure)
				assert.Empty(t, r.FinishReason)
				assert.False(t, r.Terminated)
				assert.Equal(t, "t", r.Events.Kind)
				assert.True(t, r.End.Has())
				assert.Equal(t, record.Some(1), r.CompletionTokens)
				assert.Equal(t, "events", r.TokenSource)
			})
		})
	}
}

func TestTrap13ErrorInsideTheStream(t *testing.T) {
	const words = "CUDA out of memory. Tried to allocate 2.00 GiB"
	bodies := map[string]string{
		"object":          event(`{"error":{"message":%q,"type":"server_error","code":500}}`, words),
		"string":          event(`{"error":%q}`, words),
		"vllm":            event(`{"object":"error","message":%q,"type":"InternalServerError","param":null,"code":500}`, words),
		"error event":     "event: error\ndata: " + words + "\n\n",
		"error event 2":   "event: error\n" + event(`{"error":{"message":%q}}`, words),
		"error event cut": "event: error\ndata: " + words,
		"error field":     "error: {\"code\":500,\"message\":\"" + words + "\"}\n\n",
		"bare line":       `{"error":{"message":"` + words + `"}}` + "\n",
		"open end":        strings.TrimSpace(event(`{"error":%q}`, words)),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, sseScript(text("A")+body), nil)
				require.NotNil(t, r.Failure)
				assert.Equal(t, record.FailStream, r.Failure.Kind)
				assert.Contains(t, r.Failure.Message, words)
				assert.Equal(t, 200, r.Status)
				assert.Equal(t, "t", r.Events.Kind)
			})
		})
	}
	t.Run("ollama", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := answer(t, script("application/x-ndjson", step{0, "{\"response\":\"A\",\"done\":false}\n{\"error\":\"" + words + "\"}\n"}),
				func(c *Config) { c.API = Ollama })
			require.NotNil(t, r.Failure)
			assert.Equal(t, record.Failure{Kind: record.FailStream, Message: words}, *r.Failure)
		})
	})
	t.Run("null is none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := answer(t, sseScript(event(`{"error":null,"choices":[{"delta":{"content":"A"},"finish_reason":"stop"}]}`)+doneLine), nil)
			assert.Nil(t, r.Failure)
			assert.Equal(t, "t", r.Events.Kind)
		})
	})
}

func TestTrap14FinishWithoutText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := answer(t, sseScript(join(role(), finish("stop"), usage(5, 0), doneLine)), nil)
		assert.Nil(t, r.Failure)
		assert.Equal(t, "stop", r.FinishReason)
		assert.Equal(t, "efu", r.Events.Kind)
		assert.Empty(t, r.Text)
		assert.False(t, r.First.Has())
		assert.True(t, r.Done.Has())
		assert.Equal(t, record.Some(0), r.CompletionTokens, "no text seen: the server's 0 is a count")
	})
}

func TestTrap15UsageAnywhereOrNowhere(t *testing.T) {
	with := func(s string, completion int) string {
		return event(`{"choices":[{"delta":{"content":%q}}],"usage":{"prompt_tokens":9,"completion_tokens":%d}}`, s, completion)
	}
	last := event(`{"choices":[{"delta":{"content":"B"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}`)
	streams := map[string]struct {
		stream string
		want   record.Opt[int]
		source string
		kinds  string
	}{
		"trailing":        {join(text("A"), text("B"), finish("stop"), usage(9, 4), doneLine), record.Some(4), "server", "ttfu"},
		"cumulative":      {join(with("A", 2), with("B", 4), finish("stop"), doneLine), record.Some(4), "server", "ttf"},
		"last content":    {join(text("A"), last, doneLine), record.Some(4), "server", "tt"},
		"zeros":           {join(with("A", 0), with("B", 0), finish("stop"), doneLine), record.Some(2), "events", "ttf"},
		"zeros, then it":  {join(with("A", 0), with("B", 0), finish("stop"), usage(9, 4), doneLine), record.Some(4), "server", "ttfu"},
		"zero at the end": {join(with("A", 2), with("B", 4), event(`{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}`), doneLine), record.Some(4), "server", "ttu"},
		"nowhere":         {join(text("A"), text("B"), finish("stop"), doneLine), record.Some(2), "events", "ttf"},
	}
	for name, c := range streams {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, sseScript(c.stream), nil)
				require.Nil(t, r.Failure)
				assert.Equal(t, c.want, r.CompletionTokens)
				assert.Equal(t, c.source, r.TokenSource)
				assert.Equal(t, c.kinds, r.Events.Kind)
				assert.Equal(t, "AB", r.Text)
				assert.Equal(t, name != "nowhere", r.PromptTokens.Has())
			})
		})
	}
}

func TestTrap16MalformedLineIsKept(t *testing.T) {
	lines := map[string][2]string{
		"broken json":   {"data: {\"choices\":[{\"delta\":{\"content\":\"B\"}\n\n", `{"choices":[{"delta":{"content":"B"}`},
		"trailing":      {"data: {\"choices\":[]} x\n\n", `{"choices":[]} x`},
		"no object":     {"data: 17\n\n", "17"},
		"traceback":     {"Traceback (most recent call last):\n", "Traceback (most recent call last):"},
		"bad escape":    {"data: {\"choices\":[{\"delta\":{\"content\":\"\\x\"}}]}\n\n", `{"choices":[{"delta":{"content":"\x"}}]}`},
		"html":          {"<html><body>502</body></html>\n", "<html><body>502</body></html>"},
		"single breaks": {"data: {\"a\":1}\ndata: {\"a\":2}\n\n", "{\"a\":1}\n{\"a\":2}"},
	}
	for name, c := range lines {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := answer(t, sseScript(join(text("A"), c[0], text("C"), finish("stop"), doneLine)), nil)
				require.NotNil(t, r.Failure)
				assert.Equal(t, record.Failure{Kind: record.FailMalformed, Message: c[1]}, *r.Failure)
				assert.Equal(t, "A", r.Text, "what came before is kept, nothing after")
			})
		})
	}
	t.Run("long line is clipped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := answer(t, sseScript("data: {"+strings.Repeat("é", 5000)+"\n\n"), nil)
			require.NotNil(t, r.Failure)
			assert.LessOrEqual(t, len(r.Failure.Message), record.EvidenceLimit)
			assert.Greater(t, len(r.Failure.Message), record.EvidenceLimit-4)
		})
	})
}

// feed gives stream to d in pieces of the given size, the number of the piece being
// the instant.
func feed(d *decoder, stream []byte, size int) {
	for at := int64(1); len(stream) > 0; at++ {
		n := copy(d.lines.room(), stream[:min(size, len(stream))])
		d.lines.filled(n)
		stream = stream[n:]
		d.drain(at)
		if d.tally.over {
			return
		}
	}
}

func chunked(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
