package engine

import (
	"context"
	"path"
	"regexp"
	"strconv"
	"strings"

	"aibench/harness/record"
)

// openAIModel is an entry of GET /v1/models with what vLLM and llama.cpp add.
type openAIModel struct {
	ID          string
	OwnedBy     string   `json:"owned_by"`
	MaxModelLen int      `json:"max_model_len"` // vLLM
	Meta        struct { // llama.cpp
		NParams int64 `json:"n_params"`
		Size    int64 `json:"size"`
	}
}

// ollamaModel is an entry of GET /api/tags.
type ollamaModel struct {
	Name    string
	Size    int64
	Details ollamaDetails
}

type ollamaDetails struct {
	ParameterSize     string `json:"parameter_size"`
	QuantizationLevel string `json:"quantization_level"`
}

// quantization is the level, "" where Ollama doesn't know it and says so in a word.
func (d ollamaDetails) quantization() string {
	if d.QuantizationLevel == "unknown" {
		return ""
	}
	return d.QuantizationLevel
}

func models(l listing) []Model {
	var out []Model
	for _, m := range l.ollama {
		out = append(out, Model{ID: m.Name, Quantization: m.Details.quantization(),
			SizeBytes: positive(m.Size), ParameterCount: parameters(m.Details.ParameterSize)})
	}
	if out != nil {
		return out
	}
	for _, m := range l.openAI {
		out = append(out, Model{ID: m.ID, Quantization: quantOfName(m.ID), ContextLimit: positive(m.MaxModelLen),
			ParameterCount: positive(m.Meta.NParams), SizeBytes: positive(m.Meta.Size)})
	}
	return out
}

// describe asks for what the list did not tell of the chosen model.
func (e *Engine) describe(ctx context.Context) {
	switch e.info.Kind {
	case VLLM:
		e.model.Loaded = true // it serves nothing else
	case LlamaCpp:
		e.describeLlama(ctx)
	case Ollama:
		e.describeOllama(ctx)
	}
	for i, m := range e.info.Models {
		if m.ID == e.model.ID {
			e.info.Models[i] = e.model
		}
	}
}

func (e *Engine) describeLlama(ctx context.Context) {
	var p llamaProps
	if e.site.get(ctx, e.site.root+"/props", &p) != nil {
		return
	}
	e.model.Loaded = true
	limit := p.Default.NCtx // what one request can have; n_ctx is shared by the slots
	if limit == 0 {
		limit = p.NCtx
	}
	if limit > 0 {
		e.model.ContextLimit = record.Some(limit)
	}
	if p.ModelFtype != "" {
		e.model.Quantization = p.ModelFtype
	} else if e.model.Quantization == "" {
		e.model.Quantization = quantOfName(path.Base(strings.ReplaceAll(p.ModelPath, `\`, "/")))
	}
}

func (e *Engine) describeOllama(ctx context.Context) {
	var show struct {
		Parameters string
		Details    ollamaDetails
		ModelInfo  map[string]any `json:"model_info"`
	}
	if e.site.post(ctx, e.site.root+"/api/show", map[string]string{"model": e.model.ID}, &show) == nil {
		if q := show.Details.quantization(); q != "" {
			e.model.Quantization = q
		}
		if n, ok := show.ModelInfo["general.parameter_count"].(float64); ok {
			e.model.ParameterCount = record.Some(int64(n))
		}
		e.model.ContextLimit = least(e.model.ContextLimit, contextLength(show.ModelInfo))
		e.model.ContextLimit = least(e.model.ContextLimit, numCtx(show.Parameters))
	}
	var ps struct {
		Models []struct {
			Name          string
			ContextLength int `json:"context_length"` // since Ollama 0.10
		}
	}
	if e.site.get(ctx, e.site.root+"/api/ps", &ps) != nil {
		return
	}
	for _, m := range ps.Models {
		if m.Name == e.model.ID {
			e.model.Loaded = true
			e.model.ContextLimit = least(e.model.ContextLimit, m.ContextLength)
		}
	}
}

// markLoaded takes over what RockchipLlama says of the model in memory.
func (e *Engine) markLoaded(l rockchipLoaded) {
	for i, m := range e.info.Models {
		if m.ID == l.ModelName && *l.Loaded {
			e.info.Models[i].Loaded = true
			e.info.Models[i].ContextLimit = positive(l.MaxContextLen)
		}
	}
}

// contextLength finds the key that is named after the architecture
// (llama.context_length); sliding-window and the like have other names.
func contextLength(info map[string]any) int {
	arch, _ := info["general.architecture"].(string)
	if n, ok := info[arch+".context_length"].(float64); ok {
		return int(n)
	}
	shortest := 0
	for k, v := range info {
		if n, ok := v.(float64); ok && strings.HasSuffix(k, ".context_length") && (shortest == 0 || int(n) < shortest) {
			shortest = int(n)
		}
	}
	return shortest
}

// numCtx reads the parameters of a Modelfile, a name and a value on each line.
func numCtx(parameters string) int {
	for line := range strings.Lines(parameters) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "num_ctx" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

func least(a record.Opt[int], b int) record.Opt[int] {
	if b > 0 && (!a.Has() || b < a.Or(0)) {
		return record.Some(b)
	}
	return a
}

// positive makes 0, which servers send for unknown, absent.
func positive[T int | int64](n T) record.Opt[T] {
	if n <= 0 {
		return record.Opt[T]{}
	}
	return record.Some(n)
}

// parameters reads "8.0B", "494.03M".
func parameters(s string) record.Opt[int64] {
	unit := map[byte]float64{'K': 1e3, 'M': 1e6, 'B': 1e9, 'T': 1e12}
	if s == "" || unit[s[len(s)-1]] == 0 {
		return record.Opt[int64]{}
	}
	f, err := strconv.ParseFloat(s[:len(s)-1], 64)
	if err != nil || !(f > 0 && f <= 1e6) { // NaN, too
		return record.Opt[int64]{}
	}
	return record.Some(int64(f * unit[s[len(s)-1]]))
}

var quantTag = regexp.MustCompile(`(?i)(?:^|[-_.:/])(i?q[2-8](?:_[a-z0-9]+)*|w[48]a(?:4|8|16)(?:_g[0-9]+)?|awq|gptq(?:-int[48])?|int[48]|fp8|nvfp4|mxfp4|bnb-4bit|bf16|fp16|f16|f32)(?:$|[-_.:/])`)

// quantOfName reads the tag that names of models carry by custom; the only trace of
// a quantisation where the server has no field for it.
func quantOfName(name string) string {
	if m := quantTag.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}
