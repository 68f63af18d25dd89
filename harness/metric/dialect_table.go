package metric

// A Tool is a program whose figures people hold ours against.
type Tool struct {
	Name   string
	Tokens string // how it counts n, and what else to know; "": not found out
}

// Names of tools, as the catalogue of dialects spells them.
const (
	toolVLLM     = "vLLM bench serve"
	toolSGLang   = "SGLang bench_serving"
	toolGuide    = "GuideLLM"
	toolAIPerf   = "AIPerf"
	toolGenAI    = "GenAI-Perf"
	toolLLMPerf  = "LLMPerf"
	toolTGI      = "TGI benchmark"
	toolLocust   = "Fireworks Locust"
	toolRockchip = "RockchipLlama"
	toolOllama   = "Ollama --verbose"
	toolLlama    = "llama.cpp server"
	toolBench    = "llama-bench"
)

// Tools returns the tools of the catalogue. Each was read in its own source.
func Tools() []Tool {
	return []Tool{
		{toolVLLM, "the server's usage, else its own tokenizer over the text"},
		{toolSGLang, "the server's usage, else the number of tokens asked for"},
		{toolGuide, "the server's usage, else one a chunk; versions without time_to_first_output_token take no reasoning for text"},
		{toolAIPerf, ""},
		{toolGenAI, "its own tokenizer over the answer text, so reasoning is not counted"},
		{toolLLMPerf, "its own tokenizer over the answer text, so reasoning is not counted"},
		{toolTGI, "decode steps, called below HTTP"},
		{toolLocust, "logprobs, else the server's usage, else a tokenizer"},
		{toolRockchip, "its script by the server's usage, else characters / 4; its server by the runtime's count"},
		{toolOllama, "the server's own count"},
		{toolLlama, "the server's own count"},
		{toolBench, "as many as it asks for, within the process"},
	}
}

// Where the definitions were read, with the commit: tools change theirs.
const (
	srcVLLM        = "vllm-project/vllm vllm/benchmarks/serve.py@009e6d4a"
	srcVLLMStream  = "vllm-project/vllm vllm/benchmarks/lib/endpoint_request_func.py@02cfb534"
	srcSGLang      = "sgl-project/sglang python/sglang/bench_serving.py@0033168f"
	srcGuide       = "vllm-project/guidellm src/guidellm/schemas/base/request_stats.py@31c74ea2"
	srcGuideStream = "vllm-project/guidellm src/guidellm/backends/openai/request_handlers.py@003104dd"
	srcAIPerf      = "ai-dynamo/aiperf src/aiperf/metrics/types/"
	srcGenAI       = "triton-inference-server/perf_analyzer genai-perf/genai_perf/profile_data_parser/llm_profile_data_parser.py@00168fe7"
	srcLLMPerf     = "ray-project/llmperf src/llmperf/ray_clients/openai_chat_completions_client.py@0451d33b, token_benchmark_ray.py@004d3afb"
	srcTGI         = "huggingface/text-generation-inference benchmark/src/generation.rs@163c23f1"
	srcLocust      = "fw-ai/benchmark llm_bench/load_test.py@00c99042"
	srcRockchip    = "VenomekPL/RockchipLlama scripts/benchmark.py@0215973a"
	srcRockServer  = "VenomekPL/RockchipLlama src/api/openai_routes.py@f1d996eb"
	srcOllama      = "ollama/ollama api/types.go@00a4cb26"
	srcLlama       = "ggml-org/llama.cpp examples/server/server.cpp@03d4bccb"
	srcBench       = "ggml-org/llama.cpp tools/llama-bench/llama-bench.cpp@0104b151"
)

// ours computes what the metric of the catalogue does, so that the two can't drift apart.
func ours(f Family, name, formula string, uses ...Use) Dialect {
	m, _ := ByUnit(f.Unit)
	return Dialect{Family: f, Name: name, Formula: formula, Ours: true, Uses: uses, of: m.of}
}

// dialects is the catalogue. To add a tool, read how it computes its figure, find the
// row that does the same or add one, and say where it was read. A tool that could not be
// verified is left out.
var dialects = []Dialect{
	ours(FirstToken, "first text of any kind", "first - start",
		Use{toolAIPerf, "TTFT", srcAIPerf + "ttft_metric.py@58028d5b"}, Use{toolGuide, "TTFT", srcGuide}),
	{Family: FirstToken, Name: "first byte", Formula: "headers - start", of: lasting(atStart, atHeaders)},
	{Family: FirstToken, Name: "first chunk", Formula: "chunk(1) - start", of: lasting(atStart, atFirstChunk),
		Uses: []Use{{toolVLLM, "TTFT", srcVLLMStream}, {toolLocust, "time_to_first_token", srcLocust}, {toolRockchip, "TTFT", srcRockchip}}},
	{Family: FirstToken, Name: "first answer token", Formula: "answer(1) - start", of: lasting(atStart, atAnswer),
		Uses: []Use{{toolSGLang, "TTFT", srcSGLang}, {toolGenAI, "TTFT", srcGenAI}, {toolLLMPerf, "TTFT", srcLLMPerf},
			{toolAIPerf, "TTFO", srcAIPerf + "time_to_first_output_token_metric.py@0b758100"}, {toolGuide, "time_to_first_output_token", srcGuide}}},
	{Family: FirstToken, Name: "first byte, from intent", Formula: "headers - intended", of: lasting(atIntended, atHeaders)},
	{Family: FirstToken, Name: "first chunk, from intent", Formula: "chunk(1) - intended", of: lasting(atIntended, atFirstChunk)},
	{Family: FirstToken, Name: "first text, from intent", Formula: "first - intended", of: lasting(atIntended, atFirst)},
	{Family: FirstToken, Name: "answer, from intent", Formula: "answer(1) - intended", of: lasting(atIntended, atAnswer)},

	ours(PerOutputToken, "without the first token", "(last - first) / (n-1)",
		Use{toolAIPerf, "ITL", srcAIPerf + "inter_token_latency_metric.py@58dd5dea"}, Use{toolGuide, "ITL", srcGuide},
		Use{toolTGI, "token latency", srcTGI}),
	{Family: PerOutputToken, Name: "first to last choice", Formula: "(choice(z) - choice(1)) / (n-1)",
		of: per(lasting(atFirstChoice, atLastChoice), less(tokens)), Uses: []Use{{toolVLLM, "TPOT", srcVLLM}}},
	{Family: PerOutputToken, Name: "of the answer", Formula: "(answer(z) - answer(1)) / (n-1)",
		of: per(lasting(atAnswer, atLastAnswer), less(tokens)), Uses: []Use{{toolGenAI, "ITL", srcGenAI}}},
	{Family: PerOutputToken, Name: "from answer to end", Formula: "(end - answer(1)) / (n-1)",
		of: per(lasting(atAnswer, atEnd), less(tokens)), Uses: []Use{{toolSGLang, "TPOT", srcSGLang}}},
	{Family: PerOutputToken, Name: "with the first token", Formula: "(last - start) / n",
		of: per(e2e, tokens), Uses: []Use{{toolGuide, "TPOT", srcGuide}}},
	{Family: PerOutputToken, Name: "with it, to last answer", Formula: "(answer(z) - start) / n",
		of: per(lasting(atStart, atLastAnswer), tokens), Uses: []Use{{toolLLMPerf, "inter token latency", srcLLMPerf}}},
	{Family: PerOutputToken, Name: "with it, to the end", Formula: "(end - start) / n",
		of: per(lasting(atStart, atEnd), tokens), Uses: []Use{{toolLocust, "overall_latency_per_token", srcLocust}}},
	{Family: PerOutputToken, Name: "from first chunk to end", Formula: "(end - chunk(1)) / n",
		of: per(lasting(atFirstChunk, atEnd), tokens), Uses: []Use{{toolLocust, "latency_per_token", srcLocust}}},
	{Family: PerOutputToken, Name: "mean gap, text chunks", Formula: "mean of text(k) - text(k-1)",
		of: meanGap(textChunk), Uses: []Use{{toolAIPerf, "ICL", srcAIPerf + "inter_chunk_latency_metric.py@58028d5b"}}},
	{Family: PerOutputToken, Name: "mean gap, answer chunks", Formula: "mean of answer(k) - answer(k-1)",
		of: meanGap(answerChunk), Uses: []Use{{toolSGLang, "ITL", srcSGLang}}},
	{Family: PerOutputToken, Name: "mean gap, choice chunks", Formula: "mean of choice(k) - choice(k-1)",
		of: meanGap(choiceChunk), Uses: []Use{{toolVLLM, "ITL", srcVLLMStream}}},

	ours(DecodeSpeed, "without the first token", "(n-1) / (last - first)",
		Use{toolAIPerf, "TPS per user", srcAIPerf + "e2e_normalized_interactivity_metrics.py@894f72a7"}),
	{Family: DecodeSpeed, Name: "with the first token", Formula: "n / (last - first)", of: rate(tokens, lasting(atFirst, atLast))},
	{Family: DecodeSpeed, Name: "from first chunk to end", Formula: "n / (end - chunk(1))",
		of: rate(tokens, lasting(atFirstChunk, atEnd)), Uses: []Use{{toolRockchip, "script's tokens/s", srcRockchip}}},
	{Family: DecodeSpeed, Name: "by the server's timer", Formula: "n / server's decode time",
		of: rate(tokens, serverDecode), Uses: []Use{{toolOllama, "eval rate", srcOllama}, {toolLlama, "predicted_per_second", srcLlama},
			{toolBench, "tg t/s", srcBench}, {toolRockchip, "server's speed", srcRockServer}}},
	{Family: DecodeSpeed, Name: "chunks for tokens", Formula: "(texts-1) / (last - first)",
		of: rate(less(texts), lasting(atFirst, atLast)), Uses: []Use{{toolGuide, "1/ITL without usage", srcGuide}}},

	ours(OverallSpeed, "to the last text", "n / (last - start)"),
	{Family: OverallSpeed, Name: "to the last answer", Formula: "n / (answer(z) - start)", of: rate(tokens, lasting(atStart, atLastAnswer)),
		Uses: []Use{{toolGenAI, "throughput per request", srcGenAI}}},
	{Family: OverallSpeed, Name: "to the end of the stream", Formula: "n / (end - start)", of: rate(tokens, lasting(atStart, atEnd)),
		Uses: []Use{{toolLLMPerf, "throughput per request", srcLLMPerf}, {toolGuide, "output tokens per second", srcGuide}}},

	ours(EndToEnd, "to the last text", "last - start", Use{toolAIPerf, "request latency", srcAIPerf + "request_latency_metric.py@4f7ccffd"}),
	{Family: EndToEnd, Name: "to the last answer", Formula: "answer(z) - start", of: lasting(atStart, atLastAnswer),
		Uses: []Use{{toolGenAI, "request latency", srcGenAI}}},
	{Family: EndToEnd, Name: "to the last choice", Formula: "choice(z) - start", of: lasting(atStart, atLastChoice),
		Uses: []Use{{toolVLLM, "E2EL", srcVLLMStream}}},
	{Family: EndToEnd, Name: "to the end of the stream", Formula: "end - start", of: lasting(atStart, atEnd),
		Uses: []Use{{toolSGLang, "E2E latency", srcSGLang}, {toolGuide, "request latency", srcGuide}, {toolLLMPerf, "E2E latency", srcLLMPerf},
			{toolLocust, "total_latency", srcLocust}, {toolRockchip, "total time", srcRockchip}}},
	{Family: EndToEnd, Name: "to the end, from intent", Formula: "end - intended", of: lasting(atIntended, atEnd),
		Uses: []Use{{toolGuide, "scheduled latency", srcGuide}}},

	ours(PrefillSpeed, "until the first text", "p / (first - start)"),
	{Family: PrefillSpeed, Name: "by the server's timer", Formula: "p / server's prefill time",
		of: rate(reportedPrompt, serverPrefill), Uses: []Use{{toolOllama, "prompt eval rate", srcOllama}, {toolBench, "pp t/s", srcBench}}},
	{Family: PrefillSpeed, Name: "by it, uncached tokens", Formula: "(p - cached) / the same time",
		of: rate(uncachedTokens, serverPrefill), Uses: []Use{{toolLlama, "prompt_per_second", srcLlama}}},

	ours(TokensOut, "as counted for this run", "n"),
	{Family: TokensOut, Name: "the server's usage", Formula: "usage.completion_tokens", of: usageTokens,
		Uses: []Use{{toolVLLM, "output tokens", srcVLLM}, {toolSGLang, "output tokens", srcSGLang}, {toolGuide, "output tokens", srcGuide}}},
	{Family: TokensOut, Name: "chunks with text", Formula: "texts", of: texts,
		Uses: []Use{{toolGuide, "without usage", srcGuideStream}}},
}
