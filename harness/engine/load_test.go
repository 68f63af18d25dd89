package engine

import (
	"fmt"
	"net/http"
	"testing"

	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLoadOllama(t *testing.T) {
	answer := `{"model":"tiny:latest","created_at":"2026-11-20T10:00:00Z","response":"","done":true,"done_reason":"load"}`
	var body map[string]any
	var s *server
	s = serve(t, "ollama", map[string]http.HandlerFunc{"POST /api/generate": func(w http.ResponseWriter, r *http.Request) {
		body = s.read(r)
		if body["model"] == "phi" {
			http.Error(w, `{"error":"model 'phi' not found"}`, http.StatusNotFound)
			return
		}
		fmt.Fprint(w, answer)
	}})
	e := discover(t, s, Config{Model: "tiny"})
	require.False(t, e.Model().Loaded)
	require.NoError(t, e.Load(t.Context(), ""))
	assert.Equal(t, map[string]any{"model": "tiny:latest", "keep_alive": -1.0, "stream": false}, body)
	assert.True(t, e.Model().Loaded)

	err := e.Load(t.Context(), "phi")
	require.ErrorIs(t, err, ErrNoModel)
	require.EqualError(t, err, `load model phi: HTTP 404: {"error":"model 'phi' not found"}`)
	var hinted *Error
	require.ErrorAs(t, err, &hinted)
	assert.Equal(t, "run: ollama pull phi", hinted.Hint)

	answer = `{"error":"llama runner process has terminated"}`
	require.EqualError(t, e.Load(t.Context(), ""), "load model tiny:latest: the server did not say that it was done: llama runner process has terminated")
}

func TestLoadRockchip(t *testing.T) {
	success := true
	var s *server
	s = serve(t, "rockchip", map[string]http.HandlerFunc{"POST /v1/models/load": func(w http.ResponseWriter, r *http.Request) {
		if s.read(r)["model"] == "phi" {
			http.Error(w, `{"detail":"Model not found: phi"}`, http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"success":%t,"message":"NPU is busy","model_name":"qwen3-0.6b","loaded":%t}`, success, success)
	}})
	e := discover(t, s, Config{Model: "qwen3-0.6b"})
	require.False(t, e.Model().Loaded)
	require.NoError(t, e.Load(t.Context(), ""))
	assert.Equal(t, Model{ID: "qwen3-0.6b", ContextLimit: record.Some(4096), Loaded: true}, e.Model())
	require.ErrorIs(t, e.Load(t.Context(), "phi"), ErrNoModel)
	success = false
	require.EqualError(t, e.Load(t.Context(), ""), "load model qwen3-0.6b: NPU is busy")
}

func TestLoadElsewhere(t *testing.T) {
	s := serve(t, "vllm", nil)
	e := discover(t, s, Config{})
	before := len(s.asked())
	require.NoError(t, e.Load(t.Context(), ""))
	assert.Len(t, s.asked(), before, "nothing is asked")
	assert.Equal(t, []string{"model Qwen/Qwen2.5-7B-Instruct-AWQ: loaded at server start"}, e.Notes())
}
