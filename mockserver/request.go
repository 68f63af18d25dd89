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
	Prompt        *promptText   `json:"prompt"`
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
}

// promptText is a string, or a list of one string.
type promptText string

// UnmarshalJSON implements json.Unmarshaler.
func (p *promptText) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var list []string
		if err := json.Unmarshal(b, &list); err != nil || len(list) != 1 {
			return errors.New("prompt: only a string, or a list of one string, is served here")
		}
		*p = promptText(list[0])
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("prompt: not a string")
	}
	*p = promptText(s)
	return nil
}

// chatMessage has content as a string or as a list of parts with text.
type chatMessage struct {
	Role    string `json:"role"`
	Content parts  `json:"content"`
}

type parts string

// UnmarshalJSON implements json.Unmarshaler.
func (p *parts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var list []struct{ Text string }
		if err := json.Unmarshal(b, &list); err != nil {
			return fmt.Errorf("content: %w", err)
		}
		for _, part := range list {
			*p += parts(part.Text)
		}
		return nil
	}
	return json.Unmarshal(b, (*string)(p))
}

func readAsk(r *http.Request, a api) (q ask, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, fmt.Errorf("body: %w", err)
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return q, fmt.Errorf("invalid JSON: %w", err)
	}
	if a.chat() && q.Messages == nil {
		return q, errors.New("messages: field required")
	}
	if !a.chat() && q.Prompt == nil {
		if !a.native() {
			return q, errors.New("prompt: field required")
		}
		q.Prompt = new(promptText) // asks Ollama to load the model
	}
	return q, nil
}

func (q *ask) sequence(a api) sequence {
	if !a.chat() {
		return completionSequence(string(*q.Prompt), true)
	}
	m := make([]message, len(q.Messages))
	for i, c := range q.Messages {
		m[i] = message{Role: c.Role, Content: string(c.Content)}
	}
	return chatSequence(m)
}

func (q *ask) words() (n int) {
	if q.Prompt != nil {
		n += len(strings.Fields(string(*q.Prompt)))
	}
	for _, m := range q.Messages {
		n += len(strings.Fields(string(m.Content)))
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
