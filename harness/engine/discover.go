package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"aibench/harness/client"
)

// Discover finds out what server stands at the endpoint and which model to ask. An
// error is an [Error] with a hint where there is advice, and says what was tried.
func Discover(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Kind != "" && !slices.Contains(Kinds, cfg.Kind) {
		return nil, fmt.Errorf("engine: kind %q: want one of %s", cfg.Kind, join(Kinds))
	}
	site, err := newSite(cfg.Endpoint, cfg.APIKey)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	e := &Engine{cfg: cfg, site: site}
	list, err := e.list(ctx)
	if err != nil {
		return nil, err
	}
	e.identify(ctx, list)
	e.info.Tokenize = e.tokenizeShape(ctx, e.anyModel())
	e.info.Simulated = site.simulated.Load()
	if e.info.Simulated && e.info.Kind == Generic {
		e.info.Kind = Mock
	}
	e.info.Name = title(e.info)
	if err := e.choose(); err != nil {
		return nil, err
	}
	e.describe(ctx)
	return e, nil
}

// listing is what the server says of its models, in either API.
type listing struct {
	openAI []openAIModel
	ollama []ollamaModel
}

// list asks for models in the way of OpenAI and, failing that, of Ollama.
func (e *Engine) list(ctx context.Context) (listing, error) {
	var l listing
	var v1 struct{ Data []openAIModel }
	err := e.site.get(ctx, e.site.base+"/models", &v1)
	if err == nil && e.cfg.API != client.Ollama {
		return listing{openAI: v1.Data}, nil
	}
	l.openAI = v1.Data
	if cause, none := noServer(err); none {
		return l, e.unreachable(ctx, cause, err)
	}
	if s := status(err); s == 401 || s == 403 {
		return l, &Error{Msg: fmt.Sprintf("server at %s: %v", e.site.base, err), Err: err,
			Hint: "it wants an API key: name the environment variable that holds it in the configuration"}
	}
	var tags struct{ Models []ollamaModel }
	tagsErr := e.site.get(ctx, e.site.root+"/api/tags", &tags)
	l.ollama = tags.Models
	if tagsErr == nil {
		return l, nil
	}
	if e.cfg.API == client.Ollama {
		return l, &Error{Msg: fmt.Sprintf("no Ollama server at %s: GET /api/tags: %v", e.site.root, tagsErr), Err: tagsErr,
			Hint: "the api ollama is Ollama's own; for other servers use completions or chat"}
	}
	return l, &Error{
		Msg: fmt.Sprintf("no OpenAI-compatible server at %s: GET %s/models: %v; GET %s/api/tags: %v",
			e.site.base, e.site.base, err, e.site.root, tagsErr), Err: err,
		Hint: "something answers there, but lists no models; check the port and the path (usually /v1)"}
}

func (e *Engine) unreachable(ctx context.Context, cause string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	what := "OpenAI-compatible server at " + e.site.base
	if e.cfg.API == client.Ollama {
		what = "Ollama server at " + e.site.root
	}
	return &Error{Msg: fmt.Sprintf("no %s: %s", what, cause), Err: err,
		Hint: "start the server, or give the address where it listens; without an endpoint the built-in mock is used"}
}

// identify finds the kind and version; a question that the server doesn't understand
// is an answer too.
func (e *Engine) identify(ctx context.Context, l listing) {
	look := identity{site: e.site, owner: owner(l.openAI)}
	found := look.kind(ctx)
	e.info.Kind = found
	if e.cfg.Kind != "" {
		if found != e.cfg.Kind && found != Generic {
			e.note(fmt.Sprintf("the server looks like %s and is treated as %s, as configured", found, e.cfg.Kind))
		}
		e.info.Kind = e.cfg.Kind
	}
	e.info.Version = look.version(ctx, e.info.Kind)
	e.info.Health = e.health()
	e.info.Models = models(l)
	if e.info.Kind == Rockchip {
		e.markLoaded(look.loaded)
	}
	if e.info.Kind == Ollama && len(l.ollama) == 0 {
		var tags struct{ Models []ollamaModel }
		if e.site.get(ctx, e.site.root+"/api/tags", &tags) == nil {
			e.info.Models = models(listing{ollama: tags.Models})
		}
	}
}

// health is the path that answers 200 once the server can serve. RockchipLlama's
// /health does so before a model is loaded, which is the moment to load it.
func (e *Engine) health() string {
	switch e.info.Kind {
	case VLLM, LlamaCpp, Rockchip, Mock:
		return "/health"
	case Ollama:
		return "/api/version"
	}
	return strings.TrimPrefix(e.site.base, e.site.root) + "/models"
}

// choose takes the configured model; else one that is known to be in memory, since to
// change models takes a board minutes; else the first.
func (e *Engine) choose() error {
	if e.cfg.Model == "" {
		if len(e.info.Models) == 0 {
			return &Error{Msg: fmt.Sprintf("%s at %s lists no model", e.info.Name, e.site.base),
				Hint: "load or pull a model, or name one in the configuration"}
		}
		why := "the first"
		at := slices.IndexFunc(e.info.Models, func(m Model) bool { return m.Loaded })
		if at >= 0 {
			why = "the one in memory"
		}
		e.model = e.info.Models[max(at, 0)]
		if n := len(e.info.Models); n > 1 {
			e.note(fmt.Sprintf("model %s was taken because it is %s of %d listed", e.model.ID, why, n))
		}
		return nil
	}
	for _, m := range e.info.Models {
		if m.ID == e.cfg.Model || (e.info.Kind == Ollama && m.ID == e.cfg.Model+":latest") {
			e.model = m
			return nil
		}
	}
	if len(e.info.Models) == 0 {
		e.model = Model{ID: e.cfg.Model, Quantization: quantOfName(e.cfg.Model)}
		e.note("the server lists no models: that it has " + e.cfg.Model + " is not verified")
		return nil
	}
	var ids []string
	for _, m := range e.info.Models {
		ids = append(ids, m.ID)
	}
	hint := "name one of those"
	if e.info.Kind == Ollama {
		hint += ", or run: ollama pull " + e.cfg.Model
	}
	return &Error{Msg: fmt.Sprintf("model %s: %s at %s has %s", e.cfg.Model, e.info.Name, e.site.base, strings.Join(ids, ", ")),
		Hint: hint, Err: ErrNoModel}
}

// ErrNoModel is in the chain of Discover's error where the server is there and the
// configured model isn't.
var ErrNoModel = errors.New("model not found")

func (e *Engine) anyModel() string {
	if e.cfg.Model == "" && len(e.info.Models) > 0 {
		return e.info.Models[0].ID
	}
	return e.cfg.Model
}

func join[T ~string](list []T) string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return strings.Join(out, ", ")
}
