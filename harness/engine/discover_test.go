package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"aibench/harness/client"
	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDiscoverVLLM(t *testing.T) {
	s := serve(t, "vllm", nil)
	s2 := serve(t, "vllm", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeVLLM})
	assert.Equal(t, "", discover(t, s, Config{}).Info().Tokenize)
	e := discover(t, s2, Config{})
	m := Model{ID: "Qwen/Qwen2.5-7B-Instruct-AWQ", Quantization: "AWQ", ContextLimit: record.Some(32768), Loaded: true}
	assert.Equal(t, Info{Kind: VLLM, Version: "0.11.0", Name: "vllm 0.11.0", Models: []Model{m}, Tokenize: "vllm", Health: "/health"}, e.Info())
	assert.Equal(t, m, e.Model())
	assert.Empty(t, e.Notes())
	ask := e.Ask("p", 16)
	assert.Equal(t, client.Ask{Prompt: "p", MaxTokens: 16, Pinned: true, Extra: map[string]any{"ignore_eos": true, "min_tokens": 16}}, ask)
	assert.Equal(t, client.Ask{Prompt: "p"}, e.Ask("p", 0))
}

func TestDiscoverLlamaCpp(t *testing.T) {
	s := serve(t, "llamacpp", nil)
	s = serve(t, "llamacpp", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeLlama})
	e := discover(t, s, Config{})
	m := Model{ID: "/models/llama-3.1-8b-instruct-q4_k_m.gguf", Quantization: "q4_k_m", ContextLimit: record.Some(16384),
		ParameterCount: record.Some[int64](8030261312), SizeBytes: record.Some[int64](4912898304), Loaded: true}
	assert.Equal(t, Info{Kind: LlamaCpp, Version: "b6500-3d16b29c", Name: "llama.cpp b6500-3d16b29c", Models: []Model{m},
		Tokenize: "llamacpp", Health: "/health"}, e.Info())
	assert.Equal(t, map[string]any{"ignore_eos": true}, e.Ask("p", 16).Extra)
	assert.True(t, e.Ask("p", 16).Pinned)
}

func TestDiscoverOllama(t *testing.T) {
	tiny := Model{ID: "tiny:latest", Quantization: "F32", ParameterCount: record.Some[int64](260000), SizeBytes: record.Some[int64](1203904)}
	big := Model{ID: "llama3.1:8b", Quantization: "Q4_K_M", ContextLimit: record.Some(8192),
		ParameterCount: record.Some[int64](8030261312), SizeBytes: record.Some[int64](4920753328), Loaded: true}
	for _, api := range []client.API{client.Completions, client.Ollama} {
		t.Run(string(api), func(t *testing.T) {
			e := discover(t, serve(t, "ollama", nil), Config{API: api})
			// 131072 by the model, 20000 by num_ctx, 8192 as it was loaded.
			assert.Equal(t, Info{Kind: Ollama, Version: "0.6.5", Name: "ollama 0.6.5", Models: []Model{big, tiny}, Health: "/api/version"}, e.Info())
			assert.Equal(t, []string{"model llama3.1:8b was taken because it is the first of 2 listed"}, e.Notes())
			assert.Equal(t, client.Ask{Prompt: "p", MaxTokens: 16}, e.Ask("p", 16))
		})
	}
	e := discover(t, serve(t, "ollama", nil), Config{Model: "tiny"})
	assert.Equal(t, "tiny:latest", e.Model().ID)
	assert.Empty(t, e.Notes())
}

func TestDiscoverRockchip(t *testing.T) {
	e := discover(t, serve(t, "rockchip", map[string]http.HandlerFunc{
		"GET /api/version": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"version":"0.1"}`) },
	}), Config{Model: "gemma-3-1b-w8a8"})
	assert.Equal(t, Rockchip, e.Info().Kind, "though it speaks Ollama's API too")
	assert.Equal(t, "RockchipLlama", e.Info().Name)
	assert.Equal(t, Model{ID: "gemma-3-1b-w8a8", Quantization: "w8a8", ContextLimit: record.Some(4096), Loaded: true}, e.Model())
	assert.False(t, e.Info().Models[0].Loaded)
	e = discover(t, serve(t, "rockchip", nil), Config{})
	assert.Equal(t, []string{"model gemma-3-1b-w8a8 was taken because it is the one in memory of 2 listed"}, e.Notes())
}

func TestDiscoverGeneric(t *testing.T) {
	s := serve(t, "generic", nil)
	e := discover(t, s, Config{})
	assert.Equal(t, Info{Kind: Generic, Name: "unidentified OpenAI-compatible server", Models: []Model{{ID: "some-model"}}, Health: "/v1/models"}, e.Info())
	assert.False(t, e.Ask("p", 16).Pinned)

	e = discover(t, s, Config{Kind: VLLM})
	assert.Equal(t, VLLM, e.Info().Kind)
	assert.Equal(t, "vllm", e.Info().Name, "no version where the server tells none")
}

func TestKindOverride(t *testing.T) {
	e := discover(t, serve(t, "vllm", nil), Config{Kind: Generic})
	assert.Equal(t, Generic, e.Info().Kind)
	assert.Equal(t, []string{"the server looks like vllm and is treated as generic, as configured"}, e.Notes())
	_, err := Discover(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Kind: "sglang"})
	require.EqualError(t, err, `engine: kind "sglang": want one of vllm, llamacpp, ollama, rockchip, generic, mockserver`)
}

func TestSimulatedIsSaid(t *testing.T) {
	for dialect, kind := range map[string]Kind{"vllm": VLLM, "generic": Mock} {
		for _, header := range []string{"X-Mockserver", "Server"} {
			s := serve(t, dialect, nil)
			inner := s.Config.Handler
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(header, "mockserver (simulated)")
				inner.ServeHTTP(w, r)
			})
			info := discover(t, s, Config{}).Info()
			assert.True(t, info.Simulated)
			assert.Equal(t, "mockserver (simulated)", info.Name)
			assert.Equal(t, kind, info.Kind)
		}
	}
}

func TestModelThatIsNotThere(t *testing.T) {
	s := serve(t, "ollama", nil)
	_, err := Discover(t.Context(), Config{Endpoint: s.URL, Model: "phi"})
	require.ErrorIs(t, err, ErrNoModel)
	require.EqualError(t, err, "model phi: ollama 0.6.5 at "+s.URL+"/v1 has llama3.1:8b, tiny:latest")
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "name one of those, or run: ollama pull phi", e.Hint)
}

func TestNoModels(t *testing.T) {
	s := serve(t, "", map[string]http.HandlerFunc{
		"GET /v1/models": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[]}`) }})
	_, err := Discover(t.Context(), Config{Endpoint: s.URL})
	require.EqualError(t, err, "unidentified OpenAI-compatible server at "+s.URL+"/v1 lists no model")
	e := discover(t, s, Config{Model: "x-fp8"})
	assert.Equal(t, Model{ID: "x-fp8", Quantization: "fp8"}, e.Model())
	assert.Equal(t, []string{"the server lists no models: that it has x-fp8 is not verified"}, e.Notes())
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = Discover(t.Context(), Config{Endpoint: "http://" + addr + "/v1"})
	require.EqualError(t, err, "no OpenAI-compatible server at http://"+addr+"/v1: connection refused")
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.NotEmpty(t, e.Hint)
	_, err = Discover(t.Context(), Config{Endpoint: "http://" + addr + "/v1", API: client.Ollama})
	require.EqualError(t, err, "no Ollama server at http://"+addr+": connection refused")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Discover(ctx, Config{Endpoint: "http://" + addr})
	require.ErrorIs(t, err, context.Canceled)
}

func TestSomethingElseListens(t *testing.T) {
	s := serve(t, "", nil)
	_, err := Discover(t.Context(), Config{Endpoint: s.URL + "/v1"})
	require.EqualError(t, err, fmt.Sprintf("no OpenAI-compatible server at %[1]s/v1: GET %[1]s/v1/models: HTTP 404: 404 page not found; "+
		"GET %[1]s/api/tags: HTTP 404: 404 page not found", s.URL))
	s = serve(t, "", map[string]http.HandlerFunc{"GET /v1/models": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }})
	_, err = Discover(t.Context(), Config{Endpoint: s.URL})
	require.ErrorContains(t, err, "not the expected JSON")
	for _, bad := range []string{"", "127.0.0.1:8000", "ftp://x", "http://"} {
		_, err := Discover(t.Context(), Config{Endpoint: bad})
		require.ErrorContains(t, err, "engine: endpoint", bad)
	}
}

func TestKeyIsSentAndNeverShown(t *testing.T) {
	s := serve(t, "", map[string]http.HandlerFunc{"GET /v1/models": func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "bad key: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	}})
	_, err := Discover(t.Context(), Config{Endpoint: s.URL, APIKey: "sk-hush"})
	require.EqualError(t, err, "server at "+s.URL+"/v1: HTTP 401: bad key: Bearer [key]")
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Contains(t, e.Hint, "API key")
}

func TestConfigHidesTheKey(t *testing.T) {
	cfg := Config{Endpoint: "http://h:1", APIKey: "sk-hush"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, cfg), "sk-hush")
	}
}

func TestEndpointPaths(t *testing.T) {
	for endpoint, want := range map[string][2]string{
		"http://h:1":           {"http://h:1", "http://h:1/v1"},
		"http://h:1/":          {"http://h:1", "http://h:1/v1"},
		"http://h:1/v1":        {"http://h:1", "http://h:1/v1"},
		"https://h/x/v1/":      {"https://h/x", "https://h/x/v1"},
		"https://h/openai?a=b": {"https://h/openai", "https://h/openai"},
	} {
		s, err := newSite(endpoint, "")
		require.NoError(t, err)
		assert.Equal(t, want, [2]string{s.root, s.base}, endpoint)
	}
}

func TestQuantOfName(t *testing.T) {
	for name, want := range map[string]string{
		"llama-3.1-8b-instruct-q4_k_m.gguf": "q4_k_m", "Qwen3-32B-FP8": "FP8", "x-AWQ": "AWQ", "gpt-oss-20b-MXFP4": "MXFP4",
		"qwen3-0.6b-w8a8-rk3588": "w8a8", "m-w4a16_g128": "w4a16_g128", "hf.co/a/b-GGUF:IQ3_XXS": "IQ3_XXS", "a/b-GPTQ-Int4": "GPTQ-Int4",
		"llama3": "", "qwen-a4b": "", "": "", "intel8": "",
	} {
		assert.Equal(t, want, quantOfName(name), name)
	}
}

func TestParameters(t *testing.T) {
	for s, want := range map[string]record.Opt[int64]{
		"8.0B": record.Some[int64](8e9), "494.03M": record.Some[int64](494030000), "": {}, "big": {}, "B": {}, "-1B": {}, "NaNB": {},
	} {
		assert.Equal(t, want, parameters(s), s)
	}
}

// No text of a server may break the reading of names and Modelfiles.
func FuzzModelText(f *testing.F) {
	f.Add("8.0B", "num_ctx 4096\nstop \"x\"")
	f.Add("1e400B", "num_ctx")
	f.Add("\xffB", "num_ctx -3\n\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		if n, ok := parameters(a).Get(); ok {
			require.GreaterOrEqual(t, n, int64(0))
		}
		limit := least(record.Opt[int]{}, numCtx(b))
		require.True(t, !limit.Has() || limit.Or(0) > 0)
		require.True(t, strings.Contains(a, quantOfName(a)))
	})
}
