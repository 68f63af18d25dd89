package mockserver

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// native encodes Ollama's own API: lines of JSON, the figures in the last.
type native struct {
	chat  bool
	model string // quoted
	buf   []byte
}

func (e *native) opening() []byte      { return nil }
func (e *native) done() string         { return "" }
func (e *native) finishWithText() bool { return false }

func (e *native) delta(key, text, _, _ string) []byte {
	e.start()
	switch {
	case e.chat && key != "content":
		e.buf = append(e.buf, `"message":{"role":"assistant","content":"","thinking":`...)
		e.buf = append(appendString(e.buf, text), '}')
	case e.chat:
		e.buf = append(e.buf, `"message":{"role":"assistant","content":`...)
		e.buf = append(appendString(e.buf, text), '}')
	case key != "content":
		e.buf = append(e.buf, `"response":"","thinking":`...)
		e.buf = appendString(e.buf, text)
	default:
		e.buf = append(e.buf, `"response":`...)
		e.buf = appendString(e.buf, text)
	}
	e.buf = append(e.buf, `,"done":false}`...)
	return e.buf
}

func (e *native) start() {
	e.buf = append(append(e.buf[:0], `{"model":`...), e.model...)
	e.buf = append(e.buf, `,"created_at":"`...)
	e.buf = time.Now().UTC().AppendFormat(e.buf, time.RFC3339Nano)
	e.buf = append(e.buf, `",`...)
}

func (e *native) closing(a answer) [][]byte {
	if a.finish == "" {
		return nil
	}
	return [][]byte{e.whole("", "", a)}
}

func (e *native) whole(text, reasoning string, a answer) []byte {
	e.start()
	if e.chat {
		m := map[string]any{"role": "assistant", "content": text}
		if reasoning != "" {
			m["thinking"] = reasoning
		}
		e.buf = append(append(e.buf, `"message":`...), marshal(m)...)
	} else {
		e.buf = appendString(append(e.buf, `"response":`...), text)
		if reasoning != "" {
			e.buf = appendString(append(e.buf, `,"thinking":`...), reasoning)
		}
	}
	e.buf = append(e.buf, `,"done":true`...)
	if a.finish != "" {
		e.buf = appendString(append(e.buf, `,"done_reason":`...), a.finish)
	}
	if !a.usage { // fault no_usage: Ollama has no switch for it
		return append(e.buf, '}')
	}
	return fmt.Appendf(e.buf, `,"total_duration":%d,"load_duration":%d,"prompt_eval_count":%d,"prompt_eval_duration":%d,"eval_count":%d,"eval_duration":%d}`,
		a.total.Nanoseconds(), (a.total - a.prefill - a.decode).Nanoseconds(), a.prompt, a.prefill.Nanoseconds(), a.output, a.decode.Nanoseconds())
}

func (s *Server) ollamaRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/generate", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, apiOllamaGenerate) })
	mux.HandleFunc("POST /api/chat", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, apiOllamaChat) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Ollama is running") })
	mux.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"version": "0.6.5-sim"})
	})
	mux.HandleFunc("GET /api/tags", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"models": []any{s.ollamaModel()}})
	})
	mux.HandleFunc("GET /api/ps", func(w http.ResponseWriter, _ *http.Request) {
		m := s.ollamaModel()
		m["expires_at"] = time.Now().Add(5 * time.Minute).UTC().Format(time.RFC3339Nano)
		m["size_vram"] = s.inUse(true)
		m["context_length"] = s.profile.MaxModelLen
		reply(w, http.StatusOK, map[string]any{"models": []any{m}})
	})
	mux.HandleFunc("POST /api/show", s.ollamaShow)
	mux.HandleFunc("POST /api/pull", s.ollamaPull)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"status": "ok"}) // the real one has no such path; see the package comment
	})
}

func (s *Server) ollamaModel() map[string]any {
	return map[string]any{"name": s.profile.Model + ":latest", "model": s.profile.Model + ":latest", "modified_at": "2026-01-01T00:00:00Z",
		"size": int64(s.profile.WeightsBytes), "digest": strings.Repeat("0", 64), "details": s.ollamaDetails()}
}

func (s *Server) ollamaDetails() map[string]any {
	return map[string]any{"parent_model": "", "format": "gguf", "family": "llama", "families": []string{"llama"},
		"parameter_size": "8.0B", "quantization_level": s.profile.Quantization}
}

func (s *Server) ollamaShow(w http.ResponseWriter, r *http.Request) {
	var q struct{ Model, Name string }
	if err := readJSON(r, &q); err != nil {
		s.fail(w, apiOllamaChat, http.StatusBadRequest, err.Error())
		return
	}
	if q.Model == "" {
		q.Model = q.Name
	}
	if strings.TrimSuffix(q.Model, ":latest") != s.profile.Model {
		s.fail(w, apiOllamaChat, http.StatusNotFound, fmt.Sprintf("model '%s' not found", q.Model))
		return
	}
	reply(w, http.StatusOK, map[string]any{"details": s.ollamaDetails(), "capabilities": []string{"completion"},
		"parameters": fmt.Sprintf("num_ctx                        %d", s.profile.MaxModelLen),
		"template":   "{{ .Prompt }}", "modified_at": "2026-01-01T00:00:00Z",
		"model_info": map[string]any{"general.architecture": "llama", "llama.context_length": s.profile.MaxModelLen}})
}

// loads answers a request without a prompt, by which Ollama is told to load a
// model, and has it loaded at once.
func (s *Server) loads(w http.ResponseWriter, g *run) bool {
	if g.api != apiOllamaGenerate || g.ask.prompt != "" {
		return false
	}
	reply(w, http.StatusOK, map[string]any{"model": g.ask.Model, "created_at": time.Now().UTC().Format(time.RFC3339Nano),
		"response": "", "done": true, "done_reason": "load"})
	return true
}

// ollamaPull has what is served already, and nothing else.
func (s *Server) ollamaPull(w http.ResponseWriter, r *http.Request) {
	var q struct{ Model, Name string }
	if err := readJSON(r, &q); err != nil {
		s.fail(w, apiOllamaChat, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	fmt.Fprintln(w, `{"status":"pulling manifest"}`)
	if q.Model == "" {
		q.Model = q.Name
	}
	if !s.serves(q.Model) {
		fmt.Fprintln(w, `{"error":"pull model manifest: file does not exist"}`)
		return
	}
	fmt.Fprintln(w, `{"status":"success"}`)
}
