package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"aibench/harness/client"
)

// Shapes of the tokenize endpoint, at the root and not under /v1.
const (
	shapeVLLM  = "vllm"     // {"prompt"} or {"messages"} -> {"count"}
	shapeLlama = "llamacpp" // {"content"} -> {"tokens":[...]}
)

// tokenizeShape asks in both shapes at once; each server takes the keys it knows.
func (e *Engine) tokenizeShape(ctx context.Context, model string) string {
	if e.info.Kind == Ollama || e.info.Kind == Rockchip {
		return "" // they have none, and an unknown path may load something
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	in := map[string]any{"prompt": "one two", "content": "one two"}
	if model != "" {
		in["model"] = model
	}
	var out struct {
		Count  *int
		Tokens []json.RawMessage
	}
	switch err := e.site.post(ctx, e.site.root+"/tokenize", in, &out); {
	case err != nil:
		return ""
	case out.Count != nil && *out.Count > 0:
		return shapeVLLM
	case len(out.Tokens) > 0:
		return shapeLlama
	}
	return ""
}

// endpoint counts by the server's tokenize endpoint. It knows what the server would
// add for the API in use, as far as the endpoint tells; offset is the rest, found by
// comparison with the usage of real requests.
type endpoint struct {
	site   *site
	shape  string
	model  string
	chat   bool
	offset int
}

func (t *endpoint) Source() string { return "endpoint" }

func (t *endpoint) Count(ctx context.Context, text string) (int, error) {
	n, err := t.raw(ctx, text)
	if err != nil {
		return 0, fmt.Errorf("POST /tokenize: %w", err)
	}
	return n + t.offset, nil
}

func (t *endpoint) raw(ctx context.Context, text string) (int, error) {
	if t.shape == shapeVLLM {
		return t.vllm(ctx, text)
	}
	if t.chat {
		var out struct{ Prompt string }
		in := map[string]any{"messages": userMessage(text)}
		switch err := t.site.post(ctx, t.site.root+"/apply-template", in, &out); {
		case err == nil:
			text = out.Prompt
		case status(err) != 404: // older servers have none: the template is in the offset then
			return 0, err
		}
	}
	in := map[string]any{"content": text, "add_special": true, "parse_special": true}
	var out struct{ Tokens []json.RawMessage }
	if err := t.site.post(ctx, t.site.root+"/tokenize", in, &out); err != nil {
		return 0, err
	}
	return len(out.Tokens), nil
}

func (t *endpoint) vllm(ctx context.Context, text string) (int, error) {
	in := map[string]any{"model": t.model}
	if t.chat {
		in["messages"] = userMessage(text)
		in["add_generation_prompt"] = true
	} else {
		in["prompt"] = text
		in["add_special_tokens"] = true
	}
	var out struct{ Count *int } // the ids beside it are skipped
	if err := t.site.post(ctx, t.site.root+"/tokenize", in, &out); err != nil {
		return 0, err
	}
	if out.Count == nil {
		return 0, fmt.Errorf("the answer has no count")
	}
	return *out.Count, nil
}

func userMessage(text string) []map[string]string {
	return []map[string]string{{"role": "user", "content": text}}
}

func (e *Engine) endpoint() *endpoint {
	return &endpoint{site: e.site, shape: e.info.Tokenize, model: e.model.ID, chat: e.cfg.API == client.Chat}
}
