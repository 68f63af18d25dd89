package mockserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ask is a request for text in any of the APIs.
type ask struct {
	Model         string        `json:"model"`
	Prompt        any           `json:"prompt"`
	Messages      []chatMessage `json:"messages"`
	Stream        *bool         `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           *int `json:"max_tokens"`
	MaxCompletionTokens *int `json:"max_completion_tokens"`
	NPredict            *int `json:"n_predict"`
	MinTokens           int  `json:"min_tokens"`
	Options             struct {
		NumPredict *int `json:"num_predict"`
		NumCtx     int  `json:"num_ctx"`
	} `json:"options"`

	prompt string    // Prompt, read
	turns  []message // Messages, read
}

// chatMessage has content as a string or as a list of parts with text.
type chatMessage struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// asText reads a prompt or the content of a message. They are decoded as any
// and not by an UnmarshalJSON, which would go over 800 KB twice more.
func asText(what string, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil // an assistant's turn with nothing but a tool call
	case string:
		return v, nil
	case []any:
		var all strings.Builder
		for _, part := range v {
			if p, ok := part.(map[string]any); ok {
				part = p["text"]
			} else if len(v) > 1 {
				return "", fmt.Errorf("%s: only one string is served here", what)
			}
			s, ok := part.(string)
			if !ok {
				return "", fmt.Errorf("%s: a list of anything but text is not served here", what)
			}
			all.WriteString(s)
		}
		return all.String(), nil
	}
	return "", fmt.Errorf("%s: not a string", what)
}

// readAsk decodes a request and, for a completion, its prompt; for a chat, its
// messages.
func readAsk(r *http.Request, a api) (q ask, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, fmt.Errorf("body: %w", err)
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return q, fmt.Errorf("invalid JSON: %w", err)
	}
	if a.chat() {
		if q.Messages == nil {
			return q, errors.New("messages: field required")
		}
		for _, m := range q.Messages {
			content, err := asText("content", m.Content)
			if err != nil {
				return q, err
			}
			q.turns = append(q.turns, message{m.Role, content})
		}
		return q, nil
	}
	if q.Prompt == nil && !a.native() { // without one, Ollama is to load the model
		return q, errors.New("prompt: field required")
	}
	q.prompt, err = asText("prompt", q.Prompt)
	return q, err
}

func (q *ask) sequence(a api) sequence {
	if a.chat() {
		return chatSequence(q.turns)
	}
	return completionSequence(q.prompt, true)
}

func (q *ask) words() (n int) {
	n = len(strings.Fields(q.prompt))
	for _, m := range q.turns {
		n += len(strings.Fields(m.Content))
	}
	return n
}

// limit is the number of tokens asked for, and whether any was.
func (q *ask) limit() (int, bool) {
	for _, v := range []*int{q.MaxCompletionTokens, q.MaxTokens, q.NPredict, q.Options.NumPredict} {
		if v != nil && *v >= 0 {
			return *v, true
		}
	}
	return 0, false
}

func (q *ask) streams(a api) bool {
	if q.Stream == nil {
		return a.native()
	}
	return *q.Stream
}
