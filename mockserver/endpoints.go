package mockserver

import (
	"net/http"
	"time"
)

// The endpoints of vLLM and llama.cpp beside generation. Those of Ollama and
// RockchipLlama have files of their own.

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	p := &s.profile
	m := map[string]any{"id": p.Model, "object": "model", "created": time.Now().Unix()}
	switch p.Dialect {
	case "vllm":
		m["owned_by"], m["root"], m["parent"], m["max_model_len"] = "vllm", p.Model, nil, p.MaxModelLen
	case "llamacpp":
		m["owned_by"] = "llamacpp"
		m["meta"] = map[string]any{"n_ctx_train": p.MaxModelLen, "size": int64(p.WeightsBytes)}
	case "ollama":
		m["id"], m["owned_by"] = p.Model+":latest", "library"
	default:
		m["owned_by"] = "rockchip"
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": []any{m}})
}

func (s *Server) props(w http.ResponseWriter, _ *http.Request) {
	p := &s.profile
	reply(w, http.StatusOK, map[string]any{
		"default_generation_settings": map[string]any{"n_ctx": p.MaxModelLen},
		"total_slots":                 p.MaxSeqs, "model_path": "/models/" + p.Model + ".gguf", "build_info": fingerprintLlama})
}

func (s *Server) tokenizeVLLM(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Prompt   *string
		Messages []message
		Add      *bool `json:"add_special_tokens"`
	}
	if err := readJSON(r, &q); err != nil {
		s.fail(w, apiCompletions, http.StatusBadRequest, err.Error())
		return
	}
	var seq sequence
	switch {
	case q.Messages != nil:
		// The template holds the opening token itself: add_special_tokens is
		// false by default there, and the count the same as in a chat request.
		seq = chatSequence(q.Messages)
	case q.Prompt != nil:
		seq = completionSequence(*q.Prompt, q.Add == nil || *q.Add)
	default:
		s.fail(w, apiCompletions, http.StatusBadRequest, "prompt or messages: field required")
		return
	}
	reply(w, http.StatusOK, map[string]any{"count": seq.tokens, "max_model_len": s.profile.MaxModelLen,
		"tokens": ids(seq.tokens), "token_strs": nil})
}

func (s *Server) tokenizeLlama(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Content string
		Add     bool `json:"add_special"`
	}
	if err := readJSON(r, &q); err != nil {
		s.fail(w, apiCompletions, http.StatusBadRequest, err.Error())
		return
	}
	seq := completionSequence(q.Content, q.Add)
	reply(w, http.StatusOK, map[string]any{"tokens": ids(seq.tokens)})
}

// ids are token numbers: there is no vocabulary, only their count means
// anything.
func ids(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i + 1
	}
	return out
}
