package verdict

import (
	"strings"

	"aibench/harness/record"
)

// Signature is a piece of text by which a server announces a kind of failure.
type Signature struct {
	Outcome record.Outcome
	Text    string // lower case; found anywhere in the message, whatever its case
	Origin  string // the software that prints it
}

// Signatures are tried in this order: a context limit mentions lengths, never
// memory; KV texts mention memory, but say that the cache is what ran out; a host
// allocation says so; the general phrase comes last.
var Signatures = []Signature{
	{record.ContextLimit, "maximum context length", "OpenAI API, vLLM"},
	{record.ContextLimit, "context_length_exceeded", "OpenAI API error code"},
	{record.ContextLimit, "exceeds the available context size", "llama.cpp server"},
	{record.ContextLimit, "exceed_context_size_error", "llama.cpp server error type"},
	{record.ContextLimit, "longer than the maximum model length", "vLLM"},
	{record.ContextLimit, "input length exceeds maximum context", "Ollama"},
	{record.ContextLimit, "exceeds max_context_len", "RockchipLlama, RKLLM"},

	{record.KVExhausted, "no available memory for the cache blocks", "vLLM at start"},
	{record.KVExhausted, "failed to find a memory slot", "llama.cpp"},
	{record.KVExhausted, "failed to find free space in the kv cache", "llama.cpp"},
	{record.KVExhausted, "could not find a kv slot", "llama.cpp, Ollama runner"},
	{record.KVExhausted, "kv cache is full", "Ollama runner"},
	{record.KVExhausted, "preempted", "vLLM"},

	{record.OOMHost, "model requires more system memory", "Ollama"},
	{record.OOMHost, "failed to allocate cpu buffer", "ggml"},
	{record.OOMHost, "unable to allocate cpu buffer", "ggml"},
	{record.OOMHost, "defaultcpuallocator: not enough memory", "PyTorch"},
	{record.OOMHost, "defaultcpuallocator: can't allocate memory", "PyTorch"},
	{record.OOMHost, "std::bad_alloc", "C++ runtime"},
	{record.OOMHost, "cannot allocate memory", "POSIX ENOMEM"},
	{record.OOMHost, "runtime: out of memory", "Go runtime"},

	{record.OOMGPU, "cuda out of memory", "PyTorch, vLLM"},
	{record.OOMGPU, "cuda error: out of memory", "CUDA driver, ggml"},
	{record.OOMGPU, "cuda_error_out_of_memory", "CUDA driver"},
	{record.OOMGPU, "cudamalloc failed", "ggml"},
	{record.OOMGPU, "cublas_status_alloc_failed", "cuBLAS"},
	{record.OOMGPU, "torch.outofmemoryerror", "PyTorch"},
	{record.OOMGPU, "torch.cuda.outofmemoryerror", "PyTorch"},
	{record.OOMGPU, "hip out of memory", "PyTorch on ROCm"},
	{record.OOMGPU, "hiperroroutofmemory", "HIP"},
	{record.OOMGPU, "hipmalloc failed", "ggml"},
	{record.OOMGPU, "errorcallbackerroroutofmemory", "Metal"},
	{record.OOMGPU, "kiogpucommandbuffercallbackerroroutofmemory", "Metal"},
	{record.OOMGPU, "erroroutofdevicememory", "Vulkan"},
	{record.OOMGPU, "vk_error_out_of_device_memory", "Vulkan"},
	{record.OOMGPU, "failed to malloc npu memory", "RKNPU runtime"},
	{record.OOMGPU, "failed to allocate cuda", "ggml"},
	{record.OOMGPU, "failed to allocate rocm", "ggml"},
	{record.OOMGPU, "failed to allocate vulkan", "ggml"},
	{record.OOMGPU, "failed to allocate metal", "ggml"},
	{record.OOMGPU, "failed to allocate compute buffers", "llama.cpp"},
	{record.OOMGPU, "out of memory", "several GPU runtimes, without their name"},
}

// Match finds the first signature in the text.
func Match(text string) (Signature, bool) {
	text = strings.ToLower(text)
	for _, s := range Signatures {
		if strings.Contains(text, s.Text) {
			return s, true
		}
	}
	return Signature{}, false
}
