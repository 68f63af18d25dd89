package mockserver

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shape is the structure of a JSON value: keys and types, no values but those
// of the fields that say what an event is.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			switch k {
			case "object", "system_fingerprint", "finish_reason", "role", "index", "done_reason", "done":
				out[k] = x
			default:
				out[k] = shape(x)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = shape(v[i])
		}
		return out
	case string:
		return "string"
	case float64:
		return "number"
	}
	return v
}

func shapes(t *testing.T, data []string) (out []string) {
	for _, d := range data {
		if d == "[DONE]" {
			out = append(out, d)
			continue
		}
		var v any
		require.NoError(t, json.Unmarshal([]byte(d), &v), d)
		out = append(out, string(marshal(shape(v))))
	}
	return out
}

// The streams that two real Ollama versions sent for 12 tokens, against ours.
func TestOllamaStreamsAreShapedLikeCaptured(t *testing.T) {
	for file, body := range map[string]object{"comp": {"prompt": "once"}, "chat": {"messages": []object{{"role": "user", "content": "x"}}}} {
		for _, version := range []string{"0.6.5", "0.17.4"} {
			captured, err := os.ReadFile("testdata/ollama-" + version + "-" + file + ".sse")
			require.NoError(t, err)
			var want []string
			for _, l := range strings.Split(string(captured), "\n") {
				if d, ok := strings.CutPrefix(l, "data: "); ok {
					want = append(want, d)
				}
			}
			p := exact(t, "fast")
			body["model"], body["max_tokens"], body["stream"], body["stream_options"] = p.Model, 12, true, object{"include_usage": true}
			path := map[string]string{"comp": "/v1/completions", "chat": "/v1/chat/completions"}[file]
			inBubble(t, p, Options{Dialect: "ollama"}, func(t *testing.T, c *http.Client, _ *Server) {
				x := post(t, c, path, body)
				assert.Equal(t, shapes(t, want), shapes(t, x.data()), version)
				// Key order too, on the first and the last event.
				ours := x.data()
				assert.Equal(t, keyOrder(want[0]), keyOrder(ours[0]))
				assert.Equal(t, keyOrder(want[len(want)-2]), keyOrder(ours[len(ours)-2]))
			})
		}
	}
}

// keyOrder lists the top-level keys as written.
func keyOrder(s string) (keys []string) {
	type at struct {
		key string
		pos int
	}
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &m) != nil {
		return nil
	}
	var all []at
	for k := range m {
		all = append(all, at{k, strings.Index(s, `"`+k+`":`)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].pos < all[j].pos })
	for _, a := range all {
		keys = append(keys, a.key)
	}
	return keys
}

// The shapes of the servers of which no capture lies here, as their sources and
// issue trackers show them: one event a line, values replaced by types.
func TestStreamShapes(t *testing.T) {
	const (
		vHead  = `"created":"number","id":"string","model":"string","object":"chat.completion.chunk"`
		lTail  = `"created":"number","id":"string","model":"string","object":"chat.completion.chunk","system_fingerprint":"b6500-sim"`
		timing = `"timings":{"cache_n":"number","predicted_ms":"number","predicted_n":"number","predicted_per_second":"number","predicted_per_token_ms":"number","prompt_ms":"number","prompt_n":"number","prompt_per_second":"number","prompt_per_token_ms":"number"}`
		use    = `"usage":{"completion_tokens":"number","prompt_tokens":"number","prompt_tokens_details":{"cached_tokens":"number"},"total_tokens":"number"}`
		rUse   = `"usage":{"cache_hit":false,"cached_prompts":null,"completion_tokens":"number","generate_time_ms":"number","generate_tokens":"number","memory_usage_mb":"number","prefill_time_ms":"number","prefill_tokens":"number","prompt_tokens":"number","total_tokens":"number"}`
	)
	for _, c := range []struct {
		dialect, path string
		want          []string
	}{
		{"vllm", "/v1/chat/completions", []string{
			`{"choices":[{"delta":{"content":"string","role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],` + vHead + `}`,
			`{"choices":[{"delta":{"content":"string"},"finish_reason":null,"index":0,"logprobs":null}],` + vHead + `}`,
			`{"choices":[{"delta":{"content":"string"},"finish_reason":"length","index":0,"logprobs":null,"stop_reason":null}],` + vHead + `}`,
			`{"choices":[],` + vHead + `,` + use + `}`,
			`[DONE]`}},
		{"llamacpp", "/v1/chat/completions", []string{
			`{"choices":[{"delta":{"content":null,"role":"assistant"},"finish_reason":null,"index":0}],` + lTail + `}`,
			`{"choices":[{"delta":{"content":"string"},"finish_reason":null,"index":0}],` + lTail + `}`,
			`{"choices":[{"delta":{"content":"string"},"finish_reason":null,"index":0}],` + lTail + `}`,
			`{"choices":[{"delta":{},"finish_reason":"length","index":0}],` + lTail + `}`,
			`{"choices":[],` + lTail + `,` + timing + `,` + use + `}`,
			`[DONE]`}},
		{"rockchip", "/v1/chat/completions", []string{
			`{"choices":[{"delta":{"content":"string"},"finish_reason":null,"index":0}],` + vHead + `,"usage":null}`,
			`{"choices":[{"delta":{"content":"string"},"finish_reason":null,"index":0}],` + vHead + `,"usage":null}`,
			`{"choices":[{"delta":{},"finish_reason":"length","index":0}],` + vHead + `,` + rUse + `}`,
			`[DONE]`}},
		{"vllm", "/v1/completions", []string{
			`{"choices":[{"finish_reason":null,"index":0,"logprobs":null,"stop_reason":null,"text":"string"}],` + strings.Replace(vHead, "chat.completion.chunk", "text_completion", 1) + `}`,
			`{"choices":[{"finish_reason":"length","index":0,"logprobs":null,"stop_reason":null,"text":"string"}],` + strings.Replace(vHead, "chat.completion.chunk", "text_completion", 1) + `}`,
			`{"choices":[],` + strings.Replace(vHead, "chat.completion.chunk", "text_completion", 1) + `,` + use + `}`,
			`[DONE]`}},
		{"ollama", "/api/chat", []string{
			`{"created_at":"string","done":false,"message":{"content":"string","role":"assistant"},"model":"string"}`,
			`{"created_at":"string","done":false,"message":{"content":"string","role":"assistant"},"model":"string"}`,
			`{"created_at":"string","done":true,"done_reason":"length","eval_count":"number","eval_duration":"number","load_duration":"number","message":{"content":"string","role":"assistant"},"model":"string","prompt_eval_count":"number","prompt_eval_duration":"number","total_duration":"number"}`}},
		{"ollama", "/api/generate", []string{
			`{"created_at":"string","done":false,"model":"string","response":"string"}`,
			`{"created_at":"string","done":false,"model":"string","response":"string"}`,
			`{"created_at":"string","done":true,"done_reason":"length","eval_count":"number","eval_duration":"number","load_duration":"number","model":"string","prompt_eval_count":"number","prompt_eval_duration":"number","response":"string","total_duration":"number"}`}},
	} {
		t.Run(c.dialect+c.path, func(t *testing.T) {
			p := exact(t, "fast")
			inBubble(t, p, Options{Dialect: c.dialect}, func(t *testing.T, cl *http.Client, _ *Server) {
				x := post(t, cl, c.path, object{"model": p.Model, "prompt": "once upon", "messages": []object{{"role": "user", "content": "once upon"}},
					"max_tokens": 2, "options": object{"num_predict": 2}, "stream": true, "stream_options": object{"include_usage": true}})
				assert.Equal(t, c.want, shapes(t, x.data()))
				assert.Equal(t, ServerName, x.header.Get("Server"))
				assert.Equal(t, "simulated", x.header.Get("X-Mockserver"))
			})
		})
	}
}

// The server's own figures are those of the wire.
func TestServerTimings(t *testing.T) {
	p := exact(t, "ideal") // 20 ms, then 2 ms a token
	inBubble(t, p, Options{Dialect: "ollama"}, func(t *testing.T, c *http.Client, _ *Server) {
		e := post(t, c, "/api/generate", object{"model": p.Model, "prompt": "a b c", "options": object{"num_predict": 11}, "stream": false}).events(t)[0]
		assert.EqualValues(t, 40e6, e["total_duration"])
		assert.EqualValues(t, 20e6, e["load_duration"], "the profile's overhead")
		assert.EqualValues(t, 20e6, e["eval_duration"])
		assert.EqualValues(t, 11, e["eval_count"])
		assert.EqualValues(t, 3+BOSTokens, e["prompt_eval_count"])
		stream := post(t, c, "/api/generate", object{"model": p.Model, "prompt": "a b c", "options": object{"num_predict": 11}}).events(t)
		assert.EqualValues(t, 20e6, stream[11]["eval_duration"], "ten steps between eleven tokens")
	})
	inBubble(t, p, Options{Dialect: "llamacpp"}, func(t *testing.T, c *http.Client, _ *Server) {
		e := post(t, c, "/v1/completions", object{"prompt": "a b c", "max_tokens": 11}).events(t)[0]
		assert.EqualValues(t, 20, e["timings"].(object)["predicted_ms"])
		assert.EqualValues(t, 550, e["timings"].(object)["predicted_per_second"])
		assert.EqualValues(t, 11, e["usage"].(object)["completion_tokens"])
	})
}

func TestNotStreamed(t *testing.T) {
	for _, d := range dialects {
		p := exact(t, "fast")
		inBubble(t, p, Options{Dialect: d}, func(t *testing.T, c *http.Client, _ *Server) {
			x := post(t, c, "/v1/chat/completions", object{"model": p.Model, "messages": []object{{"role": "user", "content": "x"}}, "max_tokens": 7})
			e := x.events(t)[0]
			choice := e["choices"].([]any)[0].(object)
			assert.Equal(t, "chat.completion", e["object"])
			assert.Equal(t, "length", choice["finish_reason"])
			assert.Equal(t, 7, CountTokens(choice["message"].(object)["content"].(string)))
			assert.EqualValues(t, 1+4+3+1, e["usage"].(object)["prompt_tokens"], d)
			y := post(t, c, "/v1/completions", object{"model": p.Model, "prompt": []string{"x"}})
			e = y.events(t)[0]
			choice = e["choices"].([]any)[0].(object)
			assert.Equal(t, "text_completion", e["object"])
			assert.Equal(t, "stop", choice["finish_reason"], "no limit was asked for")
			assert.Equal(t, p.DefaultOutputTokens, CountTokens(choice["text"].(string)))
		})
	}
}

// Each dialect has the paths of its server and not those of others.
func TestPaths(t *testing.T) {
	has := map[string][]string{
		"vllm":     {"GET /health", "GET /v1/models", "GET /version", "GET /metrics", "POST /tokenize"},
		"llamacpp": {"GET /health", "GET /v1/models", "GET /props", "GET /metrics", "POST /tokenize"},
		"ollama":   {"GET /health", "GET /v1/models", "GET /", "GET /api/version", "GET /api/tags", "GET /api/ps", "POST /api/show"},
		"rockchip": {"GET /health", "GET /v1/models", "GET /v1/health", "GET /v1/models/loaded", "GET /v1/models/available", "POST /v1/models/load"},
	}
	all := map[string]bool{}
	for _, paths := range has {
		for _, p := range paths {
			all[p] = true
		}
	}
	for dialect, paths := range has {
		p := exact(t, "fast")
		inBubble(t, p, Options{Dialect: dialect}, func(t *testing.T, c *http.Client, _ *Server) {
			for mp := range all {
				want := http.StatusNotFound
				for _, own := range paths {
					if own == mp {
						want = http.StatusOK
					}
				}
				method, path, _ := strings.Cut(mp, " ")
				body := string(marshal(object{"model": p.Model, "prompt": "x", "content": "x"}))
				r, err := http.NewRequestWithContext(t.Context(), method, "http://mock"+path, strings.NewReader(body))
				require.NoError(t, err)
				x := do(t, c, r)
				assert.Equal(t, want, x.status, "%s %s", dialect, mp)
				assert.Equal(t, ServerName, x.header.Get("Server"))
			}
		})
	}
}

func TestTokenize(t *testing.T) {
	p := exact(t, "fast")
	chat := []object{{"role": "system", "content": "be short"}, {"role": "user", "content": "hello, you"}}
	inBubble(t, p, Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		e := post(t, c, "/tokenize", object{"prompt": "hello, you"}).events(t)[0]
		assert.EqualValues(t, 4, e["count"], "hello , you and BOS")
		assert.EqualValues(t, p.MaxModelLen, e["max_model_len"])
		assert.Len(t, e["tokens"], 4)
		e = post(t, c, "/tokenize", object{"prompt": "hello, you", "add_special_tokens": false}).events(t)[0]
		assert.EqualValues(t, 3, e["count"])
		// What /tokenize says of messages is what a chat is billed for.
		e = post(t, c, "/tokenize", object{"messages": chat}).events(t)[0]
		u := post(t, c, "/v1/chat/completions", object{"messages": chat, "max_tokens": 1}).events(t)[0]["usage"].(object)
		assert.Equal(t, u["prompt_tokens"], e["count"])
		assert.Equal(t, 400, post(t, c, "/tokenize", object{}).status)
	})
	inBubble(t, p, Options{Dialect: "llamacpp"}, func(t *testing.T, c *http.Client, _ *Server) {
		assert.Len(t, post(t, c, "/tokenize", object{"content": "hello, you"}).events(t)[0]["tokens"], 3)
		assert.Len(t, post(t, c, "/tokenize", object{"content": "hello, you", "add_special": true}).events(t)[0]["tokens"], 4)
	})
}

func TestRockchipModelManagement(t *testing.T) {
	p := exact(t, "fast")
	inBubble(t, p, Options{Dialect: "rockchip"}, func(t *testing.T, c *http.Client, _ *Server) {
		x := post(t, c, "/v1/models/load", object{"model": p.Model, "max_context_len": 4096, "num_npu_core": 2})
		assert.Equal(t, true, x.events(t)[0]["success"])
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mock/v1/models/loaded", nil)
		e := do(t, c, r).events(t)[0]
		assert.EqualValues(t, 4096, e["max_context_len"])
		assert.EqualValues(t, 2, e["num_npu_core"])
		assert.Equal(t, 404, post(t, c, "/v1/models/load", object{"model": "other"}).status)
		post(t, c, "/v1/models/unload", object{})
		assert.Equal(t, false, do(t, c, r).events(t)[0]["loaded"])
	})
}

// Too long for the context: an error in the words of the server, or the silent
// cut of Ollama.
func TestContextLimit(t *testing.T) {
	p := exact(t, "fast")
	p.MaxModelLen = 4096
	want := map[string]string{
		"vllm":     "This model's maximum context length is 4096 tokens. However, you requested 5008 tokens (5000 in the messages, 8 in the completion)",
		"llamacpp": `request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it","n_ctx":4096,"n_prompt_tokens":5000,"type":"exceed_context_size_error"`,
		"rockchip": "prompt of 5000 tokens exceeds max_context_len 4096",
	}
	body := completion(5000, 8, "u")
	body["model"] = p.Model
	for _, d := range dialects {
		inBubble(t, p, Options{Dialect: d}, func(t *testing.T, c *http.Client, _ *Server) {
			x := post(t, c, "/v1/completions", body)
			if d != "ollama" {
				assert.Equal(t, 400, x.status)
				var b strings.Builder
				b.WriteString(strings.ReplaceAll(x.body(), `\u0027`, `'`))
				assert.Contains(t, b.String(), want[d])
				return
			}
			assert.Equal(t, 200, x.status)
			e := x.events(t)
			assert.EqualValues(t, 4096, e[len(e)-1]["usage"].(object)["prompt_tokens"])
			y := post(t, c, "/api/generate", object{"model": p.Model, "prompt": promptOf(5000, "u"), "options": object{"num_ctx": 2048, "num_predict": 1}})
			e = y.events(t)
			assert.EqualValues(t, 2048, e[len(e)-1]["prompt_eval_count"])
		})
	}
	p.ContextPolicy = "truncate"
	inBubble(t, p, Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		e := post(t, c, "/v1/completions", body).events(t)
		assert.EqualValues(t, 4096, e[len(e)-1]["usage"].(object)["prompt_tokens"])
	})
}

// Beyond the memory: the words by which an out-of-memory is known.
func TestOutOfMemoryWords(t *testing.T) {
	want := map[string]string{"vllm": "CUDA out of memory. Tried to allocate", "llamacpp": "cudaMalloc failed: out of memory",
		"ollama": "cudaMalloc failed: out of memory", "rockchip": "failed to malloc npu memory"}
	p := exact(t, "fast")
	for _, d := range dialects {
		inBubble(t, p, Options{Dialect: d}, func(t *testing.T, c *http.Client, _ *Server) {
			body := completion(20000, 8, "u")
			body["model"] = p.Model
			x := post(t, c, "/v1/completions", body)
			assert.Equal(t, 500, x.status)
			assert.Contains(t, x.body(), want[d])
			again := completion(100, 8, "u")
			again["model"] = p.Model
			assert.Equal(t, 200, post(t, c, "/v1/completions", again).status, "it lives on")
		})
	}
}

func TestUnknownModelAndBadRequests(t *testing.T) {
	p := exact(t, "fast")
	inBubble(t, p, Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		assert.Equal(t, 404, post(t, c, "/v1/completions", object{"model": "other", "prompt": "x"}).status)
		assert.Equal(t, 400, post(t, c, "/v1/completions", object{"model": p.Model}).status)
		assert.Equal(t, 400, post(t, c, "/v1/completions", object{"prompt": []int{1, 2}}).status)
		assert.Equal(t, 400, post(t, c, "/v1/chat/completions", object{"prompt": "x"}).status)
		assert.Equal(t, 400, post(t, c, "/v1/completions", object{"prompt": "x"}, HeaderFault, "nonsense").status)
	})
}

func TestAPIKey(t *testing.T) {
	p := exact(t, "fast")
	inBubble(t, p, Options{APIKey: "secret"}, func(t *testing.T, c *http.Client, _ *Server) {
		body := object{"prompt": "x", "max_tokens": 1}
		assert.Equal(t, 401, post(t, c, "/v1/completions", body).status)
		assert.Equal(t, 401, post(t, c, "/v1/completions", body, "Authorization", "Bearer wrong").status)
		assert.Equal(t, 200, post(t, c, "/v1/completions", body, "Authorization", "Bearer secret").status)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mock/health", nil)
		assert.Equal(t, 200, do(t, c, r).status)
	})
}

func TestMetrics(t *testing.T) {
	p := exact(t, "fast")
	inBubble(t, p, Options{Stage: "aidaptiv"}, func(t *testing.T, c *http.Client, _ *Server) {
		for range 2 {
			post(t, c, "/v1/completions", completion(19200, 4, "u"))
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mock/metrics", nil)
		text := do(t, c, r).body()
		for _, want := range []string{"vllm:num_requests_running{model_name=\"fast-sim\"} 0", "vllm:num_requests_waiting",
			"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc",
			"vllm:prefix_cache_queries_total{model_name=\"fast-sim\"} 38400", "vllm:prefix_cache_hits_total{model_name=\"fast-sim\"} 19184",
			`mockserver:kv_bytes{tier="ssd",stage="aidaptiv"} 208000`} {
			assert.Contains(t, text, want)
		}
	})
}

func TestOllamaLoadAndPull(t *testing.T) {
	p := exact(t, "fast")
	inBubble(t, p, Options{Dialect: "ollama"}, func(t *testing.T, c *http.Client, _ *Server) {
		assert.Equal(t, "load", post(t, c, "/api/generate", object{"model": p.Model}).events(t)[0]["done_reason"])
		assert.Equal(t, 404, post(t, c, "/api/generate", object{"model": "other"}).status)
		assert.Equal(t, "success", post(t, c, "/api/pull", object{"model": p.Model + ":latest"}).events(t)[1]["status"])
		assert.Contains(t, post(t, c, "/api/pull", object{"name": "other"}).events(t)[1]["error"], "does not exist")
	})
}

// While the model loads, even /health says so; then all is well.
func TestLoading(t *testing.T) {
	inBubble(t, exact(t, "fast"), Options{Load: time.Second}, func(t *testing.T, c *http.Client, _ *Server) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mock/health", nil)
		x := do(t, c, r)
		assert.Equal(t, 503, x.status)
		assert.Contains(t, x.body(), "Loading model")
		time.Sleep(time.Second)
		assert.Equal(t, 200, do(t, c, r).status)
	})
}

// Content comes as a string, as parts, or not at all.
func TestPromptForms(t *testing.T) {
	inBubble(t, exact(t, "fast"), Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		chat := func(content any) any {
			x := post(t, c, "/v1/chat/completions", object{"messages": []object{{"role": "user", "content": content}}, "max_tokens": 1})
			if x.status != 200 {
				return x.status
			}
			return x.events(t)[0]["usage"].(object)["prompt_tokens"]
		}
		text := func(s string) object { return object{"type": "text", "text": s} }
		assert.EqualValues(t, 8+2, chat("two words"))
		assert.EqualValues(t, 8+2, chat([]object{text("two"), text(" words")}))
		assert.EqualValues(t, 8, chat(nil))
		assert.Equal(t, 400, chat(7))
		assert.Equal(t, 400, chat([]object{{"type": "image_url"}}))
		assert.Equal(t, 400, post(t, c, "/v1/completions", object{"prompt": []string{"a", "b"}}).status)
	})
}

// A client that is calibrated reads the instants of writing as the text itself.
func TestTextOfInstants(t *testing.T) {
	p := exact(t, "steady")
	inBubble(t, p, Options{StampText: true}, func(t *testing.T, c *http.Client, _ *Server) {
		begin := time.Now()
		body := `{"model":"steady-sim","prompt":"x","max_tokens":3,"stream":true}`
		resp, err := c.Post("http://mock/v1/completions", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		var got []time.Duration
		for _, m := range regexp.MustCompile(`"text":" ?(\d{19})"`).FindAllStringSubmatch(string(b), -1) {
			ns, err := strconv.ParseInt(m[1], 10, 64)
			require.NoError(t, err)
			got = append(got, time.Unix(0, ns).Sub(begin))
		}
		ms := time.Millisecond
		assert.Equal(t, []time.Duration{20 * ms, 30 * ms, 40 * ms}, got)
	})
}
