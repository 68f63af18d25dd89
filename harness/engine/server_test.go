package engine

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// server answers as a real one did (testdata) and counts tokens by rules that a test
// can bend.
type server struct {
	*httptest.Server
	t      *testing.T
	count  func(text string) int // the tokenizer, without what the server adds
	added  int                   // by the server, to each prompt: BOS, template
	limit  int                   // prompts are cut to so many tokens, silently; 0: never
	refuse int                   // prompts of more tokens are refused; 0: none is
	usage  bool                  // requests are answered with a usage block
	mu     sync.Mutex
	log    []string // METHOD path, in order
	bodies []map[string]any
}

func words(text string) int { return len(strings.Fields(text)) }

// paths of a dialect and the file that holds the answer.
var recorded = map[string]map[string]string{
	"vllm":     {"GET /v1/models": "models", "GET /version": "version"},
	"llamacpp": {"GET /v1/models": "models", "GET /props": "props"},
	"ollama": {"GET /v1/models": "models", "GET /api/version": "version", "GET /api/tags": "tags",
		"POST /api/show": "show", "GET /api/ps": "ps"},
	"rockchip": {"GET /v1/models": "models", "GET /v1/models/loaded": "loaded"},
	"generic":  {"GET /v1/models": "models"},
}

func serve(t *testing.T, dialect string, more map[string]http.HandlerFunc) *server {
	t.Helper()
	s := &server{t: t, count: words, usage: true}
	mux := http.NewServeMux()
	for pattern, file := range recorded[dialect] {
		body, err := os.ReadFile(filepath.Join("testdata", dialect, file+".json"))
		require.NoError(t, err)
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	}
	mux.HandleFunc("POST /v1/completions", s.complete)
	mux.HandleFunc("POST /v1/chat/completions", s.complete)
	for pattern, h := range more {
		mux.HandleFunc(pattern, h)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.log = append(s.log, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) read(r *http.Request) map[string]any {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, body)
	return body
}

func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

func textOf(body map[string]any) string {
	if list, ok := body["messages"].([]any); ok {
		return list[0].(map[string]any)["content"].(string)
	}
	text, _ := body["prompt"].(string)
	return text
}

// complete streams one token and the usage.
func (s *server) complete(w http.ResponseWriter, r *http.Request) {
	body := s.read(r)
	n := s.count(textOf(body)) + s.added
	if s.refuse > 0 && n > s.refuse {
		http.Error(w, `{"error":{"message":"maximum context length exceeded"}}`, http.StatusBadRequest)
		return
	}
	if s.limit > 0 {
		n = min(n, s.limit)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	choice := `"text":"a"`
	if strings.Contains(r.URL.Path, "chat") {
		choice = `"delta":{"content":"a"}`
	}
	fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,%s,\"finish_reason\":\"length\"}]}\n\n", choice)
	if s.usage {
		fmt.Fprintf(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":1,\"total_tokens\":%d}}\n\n", n, n+1)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// tokenizeVLLM counts added tokens only where vLLM would: BOS for prompts, the
// template for messages.
func (s *server) tokenizeVLLM(w http.ResponseWriter, r *http.Request) {
	n := s.count(textOf(s.read(r))) + s.added
	fmt.Fprintf(w, `{"count":%d,"max_model_len":32768,"tokens":[1,2]}`, n)
}

// tokenizeLlama counts the text alone.
func (s *server) tokenizeLlama(w http.ResponseWriter, r *http.Request) {
	text, _ := s.read(r)["content"].(string)
	ids := strings.TrimSuffix(strings.Repeat("7,", s.count(text)), ",")
	fmt.Fprintf(w, `{"tokens":[%s]}`, ids)
}

func discover(t *testing.T, s *server, cfg Config) *Engine {
	t.Helper()
	cfg.Endpoint = s.URL + "/v1"
	e, err := Discover(t.Context(), cfg)
	require.NoError(t, err)
	return e
}
