package engine

import (
	"context"
	"strings"
)

// identity asks a server the questions that tell it from others, and keeps the
// answers that are needed again.
type identity struct {
	site   *site
	owner  string // owned_by of the first model
	loaded rockchipLoaded
	props  llamaProps
	ollama string // version
}

// llamaProps is llama.cpp's GET /props.
type llamaProps struct {
	BuildInfo  string `json:"build_info"`
	ModelPath  string `json:"model_path"`
	ModelFtype string `json:"model_ftype"`
	NCtx       int    `json:"n_ctx"`
	Default    struct {
		NCtx int `json:"n_ctx"` // of one slot
	} `json:"default_generation_settings"`
}

func (p llamaProps) known() bool { return p.BuildInfo != "" || p.ModelPath != "" || p.Default.NCtx > 0 }

// rockchipLoaded is RockchipLlama's GET /v1/models/loaded; the last two not in every
// version.
type rockchipLoaded struct {
	Loaded        *bool  `json:"loaded"`
	ModelName     string `json:"model_name"`
	MaxContextLen int    `json:"max_context_len"`
	NumNPUCore    int    `json:"num_npu_core"`
}

// kind asks until one answer settles it.
func (i *identity) kind(ctx context.Context) Kind {
	if i.site.get(ctx, i.site.root+"/v1/models/loaded", &i.loaded) == nil && i.loaded.Loaded != nil {
		return Rockchip
	}
	switch strings.ToLower(i.owner) {
	case "vllm":
		return VLLM
	case "llamacpp", "llama.cpp":
		return LlamaCpp
	}
	var v struct{ Version string }
	if i.site.get(ctx, i.site.root+"/api/version", &v) == nil && v.Version != "" {
		i.ollama = v.Version
		return Ollama
	}
	if i.site.get(ctx, i.site.root+"/props", &i.props) == nil && i.props.known() {
		return LlamaCpp
	}
	return Generic
}

// version asks where that kind of server says it; "" where it doesn't.
func (i *identity) version(ctx context.Context, k Kind) string {
	var v struct{ Version string }
	switch k {
	case VLLM:
		_ = i.site.get(ctx, i.site.root+"/version", &v) // none is a fact too
	case LlamaCpp:
		if !i.props.known() {
			_ = i.site.get(ctx, i.site.root+"/props", &i.props)
		}
		return i.props.BuildInfo
	case Ollama:
		if i.ollama != "" {
			return i.ollama
		}
		_ = i.site.get(ctx, i.site.root+"/api/version", &v)
	}
	return v.Version
}

func owner(list []openAIModel) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].OwnedBy
}
