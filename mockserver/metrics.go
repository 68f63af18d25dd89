package mockserver

import (
	"fmt"
	"net/http"
	"strings"
)

// gauge is one line of Prometheus text with its header.
func gauge(b *strings.Builder, name, kind, labels string, v float64) {
	fmt.Fprintf(b, "# HELP %s simulated\n# TYPE %s %s\n%s%s %g\n", name, name, kind, name, labels, v)
}

func sendMetrics(w http.ResponseWriter, b *strings.Builder) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

func (s *Server) metricsVLLM(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	u := s.memory.usage()
	model := fmt.Sprintf(`{model_name=%q}`, s.profile.Model)
	share := per(float64(u.pinned), float64(u.capacity))
	gauge(&b, "vllm:num_requests_running", "gauge", model, float64(u.running))
	gauge(&b, "vllm:num_requests_waiting", "gauge", model, float64(u.waiting))
	gauge(&b, "vllm:gpu_cache_usage_perc", "gauge", model, share) // name up to v0.9
	gauge(&b, "vllm:kv_cache_usage_perc", "gauge", model, share)  // name since
	gauge(&b, "vllm:prefix_cache_queries_total", "counter", model, float64(u.queries))
	gauge(&b, "vllm:prefix_cache_hits_total", "counter", model, float64(u.hits))
	gauge(&b, "vllm:prompt_tokens_total", "counter", model, float64(s.total.prompt.Load()))
	gauge(&b, "vllm:generation_tokens_total", "counter", model, float64(s.total.output.Load()))
	s.tierMetrics(&b, u)
	sendMetrics(w, &b)
}

func (s *Server) metricsLlama(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	u := s.memory.usage()
	gauge(&b, "llamacpp:requests_processing", "gauge", "", float64(u.running))
	gauge(&b, "llamacpp:requests_deferred", "gauge", "", float64(u.waiting))
	gauge(&b, "llamacpp:kv_cache_usage_ratio", "gauge", "", per(float64(u.pinned), float64(u.capacity)))
	gauge(&b, "llamacpp:prompt_tokens_total", "counter", "", float64(s.total.prompt.Load()))
	gauge(&b, "llamacpp:tokens_predicted_total", "counter", "", float64(s.total.output.Load()))
	s.tierMetrics(&b, u)
	sendMetrics(w, &b)
}

// tierMetrics tell how much KV cache lies in each tier: no real server says
// this under these names.
func (s *Server) tierMetrics(b *strings.Builder, u usage) {
	const name = "mockserver:kv_bytes"
	fmt.Fprintf(b, "# HELP %s simulated KV cache by tier\n# TYPE %s gauge\n", name, name)
	for i, t := range s.layout.tiers {
		fmt.Fprintf(b, "%s{tier=%q,stage=%q} %d\n", name, t.Name, s.options.Stage, int64(u.used[i])*s.layout.block)
	}
}
