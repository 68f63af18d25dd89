package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"unicode/utf8"
)

// encode makes the body of the request. It runs before Start is stamped: encoding
// an 800 KB prompt takes milliseconds that must not be in a TTFT.
func encode(cfg Config, ask Ask) ([]byte, error) {
	if !utf8.ValidString(ask.Prompt) {
		// encoding/json would replace the bytes silently: another prompt.
		return nil, errors.New("client: prompt is not valid UTF-8")
	}
	if ask.MaxTokens < 0 {
		return nil, fmt.Errorf("client: max tokens %d is negative", ask.MaxTokens)
	}
	var body map[string]any
	if cfg.API == Ollama {
		body = ollamaBody(ask)
	} else {
		body = openAIBody(cfg.API, ask)
	}
	if cfg.Model != "" {
		body["model"] = cfg.Model
	}
	merge(body, ask.Extra)
	body["stream"] = true

	var buf bytes.Buffer
	buf.Grow(len(ask.Prompt) + len(ask.Prompt)/8 + 512)
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, fmt.Errorf("client: encode request: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

func openAIBody(api API, ask Ask) map[string]any {
	body := sampling(ask)
	if api == Chat {
		body["messages"] = []map[string]string{{"role": "user", "content": ask.Prompt}}
	} else {
		body["prompt"] = ask.Prompt
	}
	if ask.MaxTokens > 0 {
		body["max_tokens"] = ask.MaxTokens
	}
	// Without it most servers send no counts in a stream.
	body["stream_options"] = map[string]any{"include_usage": true}
	return body
}

// ollamaBody asks with raw: the model's template is not applied. A template adds
// tokens of its own, and the prompt's length has to be exact; also an answer to the
// bare prompt compares with /v1/completions of other engines. Extra{"raw": false}
// brings the template back.
func ollamaBody(ask Ask) map[string]any {
	options := sampling(ask)
	if ask.MaxTokens > 0 {
		options["num_predict"] = ask.MaxTokens
	}
	return map[string]any{"prompt": ask.Prompt, "raw": true, "options": options}
}

func sampling(ask Ask) map[string]any {
	m := map[string]any{}
	if ask.Temperature != nil {
		m["temperature"] = *ask.Temperature
	}
	if ask.TopP != nil {
		m["top_p"] = *ask.TopP
	}
	if ask.Seed != nil {
		m["seed"] = *ask.Seed
	}
	return m
}

// merge lays extra over body. "options" is merged key by key where both have it, so
// that num_ctx can be given without losing num_predict.
func merge(body, extra map[string]any) {
	for k, v := range extra {
		base, isMap := body[k].(map[string]any)
		over, overMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(body, k)
		case k == "options" && isMap && overMap:
			both := maps.Clone(base)
			merge(both, over)
			body[k] = both
		default:
			body[k] = v
		}
	}
}

// headers are the same for every request of a client.
func headers(cfg Config) http.Header {
	h := http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"text/event-stream"},
		"User-Agent":   {"aibench"},
	}
	if cfg.API == Ollama {
		h.Set("Accept", "application/x-ndjson")
	}
	if cfg.APIKey != "" {
		h.Set("Authorization", "Bearer "+cfg.APIKey)
	}
	return h
}
