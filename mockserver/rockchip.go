package mockserver

import (
	"fmt"
	"net/http"
	"time"
)

// rockchipUsage are the keys that RockchipLlama adds to usage, with the leading
// comma: the figures of the RKLLM runtime.
func rockchipUsage(a answer) string {
	return fmt.Sprintf(`,"cache_hit":%t,"cached_prompts":null,"prefill_time_ms":%.3f,"prefill_tokens":%d,"generate_time_ms":%.3f,"generate_tokens":%d,"memory_usage_mb":%.1f`,
		a.cached > 0, ms(a.prefill), a.prompt, ms(a.decode), a.output, float64(a.memory)/1e6)
}

// loaded is the state of the model that RockchipLlama loads on request.
type loaded struct {
	is         bool
	contextLen int
	npuCores   int
}

func (s *Server) rockchipRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/models/load", s.rockchipLoad)
	mux.HandleFunc("POST /v1/models/unload", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		s.rockchip = loaded{}
		s.mu.Unlock()
		reply(w, http.StatusOK, map[string]any{"success": true, "message": "Model " + s.profile.Model + " unloaded successfully"})
	})
	mux.HandleFunc("GET /v1/models/loaded", s.rockchipLoaded)
	mux.HandleFunc("GET /v1/models/available", func(w http.ResponseWriter, _ *http.Request) {
		m := s.profile.Model
		reply(w, http.StatusOK, map[string]any{"total": 1, "loaded_model": m, "models": []any{map[string]any{
			"name": m, "friendly_name": m, "filename": m + ".rkllm", "path": "/models/" + m + ".rkllm",
			"size_mb": float64(s.profile.WeightsBytes) / 1e6, "loaded": true}}})
	})
	health := func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"status": "healthy", "model_loaded": true,
			"loaded_model": s.profile.Model, "timestamp": time.Now().Unix()})
	}
	mux.HandleFunc("GET /v1/health", health)
	mux.HandleFunc("GET /health", health)
}

func (s *Server) rockchipLoad(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model         string `json:"model"`
		MaxContextLen int    `json:"max_context_len"`
		NumNPUCore    int    `json:"num_npu_core"`
	}
	if err := readJSON(r, &q); err != nil {
		s.fail(w, apiCompletions, http.StatusUnprocessableEntity, err.Error())
		return
	}
	if q.Model != s.profile.Model {
		s.fail(w, apiCompletions, http.StatusNotFound, fmt.Sprintf("Model not found: %s", q.Model))
		return
	}
	s.mu.Lock()
	s.rockchip = loaded{is: true, contextLen: min(s.profile.MaxModelLen, q.MaxContextLen), npuCores: q.NumNPUCore}
	if q.MaxContextLen == 0 {
		s.rockchip.contextLen = s.profile.MaxModelLen
	}
	if q.NumNPUCore == 0 {
		s.rockchip.npuCores = 3 // RK3588 has three
	}
	s.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{"success": true, "loaded": true, "model_name": q.Model,
		"message": "Model " + q.Model + " loaded successfully"})
}

func (s *Server) rockchipLoaded(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	l := s.rockchip
	s.mu.Unlock()
	if !l.is {
		reply(w, http.StatusOK, map[string]any{"loaded": false, "model_name": nil, "model_path": nil})
		return
	}
	m := s.profile.Model
	reply(w, http.StatusOK, map[string]any{"loaded": true, "model_name": m, "model_path": "/models/" + m + ".rkllm",
		"max_context_len": l.contextLen, "num_npu_core": l.npuCores})
}
