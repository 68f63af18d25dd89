package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Load brings a model into memory before anything is measured, where the server can
// be told to: Ollama (and to keep it there) and RockchipLlama. The others load at
// their start; then nothing is done, and a note says so. "" is the chosen model.
func (e *Engine) Load(ctx context.Context, model string) error {
	if model == "" {
		model = e.model.ID
	}
	switch e.info.Kind {
	case Ollama:
		return e.loadOllama(ctx, model)
	case Rockchip:
		return e.loadRockchip(ctx, model)
	}
	e.note("model " + model + ": loaded at server start")
	return nil
}

// loadOllama sends a generate request without a prompt, which loads and returns.
func (e *Engine) loadOllama(ctx context.Context, model string) error {
	var out struct {
		Done  bool
		Error string
	}
	in := map[string]any{"model": model, "keep_alive": -1, "stream": false}
	err := e.site.post(ctx, e.site.root+"/api/generate", in, &out)
	if status(err) == http.StatusNotFound {
		return &Error{Msg: fmt.Sprintf("load model %s: %v", model, err), Hint: "run: ollama pull " + model, Err: ErrNoModel}
	}
	if err == nil && (out.Error != "" || !out.Done) {
		err = errors.New("the server did not say that it was done: " + out.Error)
	}
	return e.afterLoad(ctx, model, err)
}

func (e *Engine) loadRockchip(ctx context.Context, model string) error {
	var out struct {
		Success bool
		Message string
	}
	err := e.site.post(ctx, e.site.root+"/v1/models/load", map[string]any{"model": model}, &out)
	if status(err) == http.StatusNotFound {
		return &Error{Msg: fmt.Sprintf("load model %s: %v", model, err), Hint: "GET /v1/models/available lists what the board has", Err: ErrNoModel}
	}
	if err == nil && !out.Success {
		err = errors.New(out.Message)
	}
	if err == nil {
		var l rockchipLoaded
		if e.site.get(ctx, e.site.root+"/v1/models/loaded", &l) == nil && l.Loaded != nil && model == e.model.ID {
			e.model.ContextLimit = least(e.model.ContextLimit, l.MaxContextLen)
		}
	}
	return e.afterLoad(ctx, model, err)
}

func (e *Engine) afterLoad(ctx context.Context, model string, err error) error {
	if err != nil {
		return fmt.Errorf("load model %s: %w", model, err)
	}
	if model == e.model.ID {
		e.model.Loaded = true
		e.describe(ctx)
	}
	return nil
}
