package mockserver

import (
	"fmt"
	"net/http"
)

// The wording of failures, after the real servers: classifiers look for it.

var missingModel = map[string]string{
	"vllm":   "The model `%s` does not exist.",
	"ollama": "model '%s' not found",
}

var kvMessage = map[string]string{
	"vllm":     "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
	"llamacpp": "failed to find free space in the KV cache, retrying with smaller batch size",
	"ollama":   "could not find a KV slot for the batch",
	"rockchip": "RKLLM inference failed: kv cache is full",
}

const gib = 1 << 30

// oomMessage words an exhausted GPU as the dialect's engine does.
func (s *Server) oomMessage(g *run) string {
	need := int64(blocksFor(g.seq.tokens+g.output)) * s.layout.block
	first := s.layout.tiers[0]
	used := s.inUse(true)
	switch s.profile.Dialect {
	case "llamacpp":
		return fmt.Sprintf("ggml_backend_cuda_buffer_type_alloc_buffer: allocating %.2f MiB on device 0: cudaMalloc failed: out of memory; failed to allocate KV cache", float64(need)/(1<<20))
	case "ollama":
		return "llama runner process has terminated: cudaMalloc failed: out of memory\nggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size " + fmt.Sprint(need)
	case "rockchip":
		return fmt.Sprintf("RKLLM inference failed: E RKNN: failed to malloc npu memory!, size: %d, flags: 0x2", need)
	}
	return fmt.Sprintf("CUDA out of memory. Tried to allocate %.2f GiB. GPU 0 has a total capacity of %.2f GiB of which %.2f GiB is free. Including non-PyTorch memory, this process has %.2f GiB memory in use.",
		float64(need)/gib, float64(first.Bytes)/gib, float64(int64(first.Bytes)-used)/gib, float64(used)/gib)
}

// outOfMemory is what a request gets that does not fit: an error, or the end of
// the server, as the profile says.
func (s *Server) outOfMemory(w http.ResponseWriter, g *run) {
	message := s.oomMessage(g)
	if s.profile.OOM != "error" {
		s.die(message)
	}
	s.fail(w, g.api, http.StatusInternalServerError, message)
}

// die ends the server for good and does not return.
func (s *Server) die(message string) {
	s.dead.Store(true)
	if s.options.OnOOM != nil {
		s.options.OnOOM(message)
	}
	panic(http.ErrAbortHandler)
}

// contextLimit answers that the prompt is too long.
func (s *Server) contextLimit(w http.ResponseWriter, g *run, context, output int) {
	prompt := g.seq.tokens
	if s.profile.Dialect == "llamacpp" {
		s.total.failed.Add(1)
		reply(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"code": http.StatusBadRequest, "type": "exceed_context_size_error",
			"message":         fmt.Sprintf("request (%d tokens) exceeds the available context size (%d tokens), try increasing it", prompt, context),
			"n_prompt_tokens": prompt, "n_ctx": context}})
		return
	}
	message := fmt.Sprintf("This model's maximum context length is %d tokens. However, you requested %d tokens (%d in the messages, %d in the completion). Please reduce the length of the messages or completion.",
		context, prompt+output, prompt, output)
	switch s.profile.Dialect {
	case "rockchip":
		message = fmt.Sprintf("prompt of %d tokens exceeds max_context_len %d", prompt, context)
	case "ollama":
		message = fmt.Sprintf("input length exceeds maximum context length: %d > %d", prompt, context)
	}
	s.fail(w, g.api, http.StatusBadRequest, message)
}
