package client

import (
	"encoding/json"
	"fmt"
	"testing"

	"aibench/harness/record"
)

// streams that the benchmark parses: one event each, the number is the content's.
var benchChunks = map[string]struct {
	framing framing
	format  string
}{
	"vllm":          {sse, `data: {"id":"chatcmpl-8f6d4c0b2f1e4a1f9a5b0f1f2c3d4e5f","object":"chat.completion.chunk","created":1795304279,"model":"meta-llama/Llama-3.1-8B-Instruct","choices":[{"index":0,"delta":{"content":" word%03d"},"logprobs":null,"finish_reason":null}]}` + "\n\n"},
	"vllm_escapes":  {sse, `data: {"id":"chatcmpl-8f6d4c0b2f1e4a1f9a5b0f1f2c3d4e5f","object":"chat.completion.chunk","created":1795304279,"model":"meta-llama/Llama-3.1-8B-Instruct","choices":[{"index":0,"delta":{"content":"\n\"%03d\u00e9"},"logprobs":null,"finish_reason":null}]}` + "\n\n"},
	"vllm_usage":    {sse, `data: {"id":"chatcmpl-8f6d4c0b2f1e4a1f9a5b0f1f2c3d4e5f","object":"chat.completion.chunk","created":1795304279,"model":"llama","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":512,"total_tokens":%[1]d,"completion_tokens":%[1]d}}` + "\n\n"},
	"ollama_openai": {sse, `data: {"id":"chatcmpl-607","object":"chat.completion.chunk","created":1795304279,"model":"stories260K","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":" word%03d"},"finish_reason":null}]}` + "\n\n"},
	"ollama_native": {ndjson, `{"model":"hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M","created_at":"2026-11-21T09:30:00.%[1]d123456Z","response":" word%[1]d","done":false}` + "\n"},
}

func benchStream(format string, n int) []byte {
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, format, 100+i%800)
	}
	return b
}

// BenchmarkParse is the cost of an event from bytes in the buffer to columns and
// text of the record. way=strict has the template switched off; way=std is
// encoding/json on the same lines, framing not counted.
//
//	go test -bench Parse -benchmem ./harness/client
//
// b.N counts events.
func BenchmarkParse(b *testing.B) {
	const n = 1000
	for name, c := range benchChunks {
		stream := benchStream(c.format, n)
		b.Run("stream="+name+"/way=template", func(b *testing.B) { benchParse(b, c.framing, stream, n, false) })
		b.Run("stream="+name+"/way=strict", func(b *testing.B) { benchParse(b, c.framing, stream, n, true) })
		b.Run("stream="+name+"/way=std", func(b *testing.B) { benchStd(b, c.framing, fmt.Appendf(nil, c.format, 123)) })
	}
}

func benchParse(b *testing.B, f framing, stream []byte, n int, strict bool) {
	r := &record.Request{}
	t := newTally(r, n, true, func(s string) string { return s })
	t.strict = strict
	d := decoder{framing: f, tally: t, lines: lines{limit: lineLimit}}
	b.SetBytes(int64(len(stream) / n))
	b.ReportAllocs()
	for i := 0; i < b.N; i += n {
		t.arrive, t.kinds, t.parser.text = t.arrive[:0], t.kinds[:0], t.parser.text[:0]
		d.lines.buf, d.lines.head, d.lines.seen = stream, 0, 0
		d.drain(int64(i))
		if len(t.kinds) != n || r.Failure != nil {
			b.Fatalf("%d events, want %d; failure %v", len(t.kinds), n, r.Failure)
		}
	}
}

type stdChunk struct {
	Response string `json:"response"`
	Done     bool   `json:"done"`
	Choices  []struct {
		Text  string `json:"text"`
		Delta struct {
			Content          string `json:"content"`
			ReasoningContent string `json:"reasoning_content"`
		} `json:"delta"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	} `json:"usage"`
}

func benchStd(b *testing.B, f framing, event []byte) {
	if f == sse {
		event = event[len("data: "):]
	}
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		var c stdChunk
		if err := json.Unmarshal(event, &c); err != nil {
			b.Fatal(err)
		}
	}
}
