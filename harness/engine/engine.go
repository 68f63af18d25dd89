package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"aibench/harness/client"
	"aibench/harness/record"
)

// Kind is a family of servers that behave alike.
type Kind string

// The kinds.
const (
	VLLM     Kind = "vllm"
	LlamaCpp Kind = "llamacpp"
	Ollama   Kind = "ollama"
	Rockchip Kind = "rockchip"
	Generic  Kind = "generic"
	Mock     Kind = "mockserver" // our mock, playing no dialect that we recognise
)

// Kinds lists every kind.
var Kinds = []Kind{VLLM, LlamaCpp, Ollama, Rockchip, Generic, Mock}

// SimulatedName is the Name of every simulated server, whatever it plays.
const SimulatedName = "mockserver (simulated)"

// Model is what a server tells of a model. Absent means it does not tell.
type Model struct {
	ID             string            `json:"id"`                     // name in requests
	Quantization   string            `json:"quantization,omitempty"` // as the server says, or by the name's usual tags (Q4_K_M, awq); "": unknown
	ContextLimit   record.Opt[int]   `json:"context_limit,omitzero"` // most prompt and output tokens; for Ollama an upper bound unless num_ctx is set
	ParameterCount record.Opt[int64] `json:"parameters,omitzero"`    // weights
	SizeBytes      record.Opt[int64] `json:"size_bytes,omitzero"`    // of the weights on disk, B
	Loaded         bool              `json:"loaded"`                 // in memory now, as far as the server tells
}

// Info is what is known of a server.
type Info struct {
	Kind      Kind    `json:"kind"`
	Version   string  `json:"version,omitempty"` // "": the server does not tell
	Simulated bool    `json:"simulated"`         // figures mean nothing outside of a test
	Name      string  `json:"name"`              // for people and results: "ollama 0.6.5", SimulatedName
	Models    []Model `json:"models"`
	Tokenize  string  `json:"tokenize,omitempty"` // shape of its tokenize endpoint: "vllm", "llamacpp"; "": it has none
	Health    string  `json:"health"`             // path that answers 200 when the server is ready
}

// Config says where to look.
type Config struct {
	Endpoint string        // as client.Config.Endpoint
	API      client.API    // that will be measured; "": completions
	Model    string        // name of the model; "": the first listed
	APIKey   string        `json:"-"` // bearer token; "": none
	Kind     Kind          // "": found out
	Timeout  time.Duration // of one probe request, which may load the model first; 0: 10 minutes
}

// String tells what the configuration is, without the key.
func (c Config) String() string {
	key := "no key"
	if c.APIKey != "" {
		key = "key set"
	}
	return fmt.Sprintf("%s %s model %q kind %q (%s)", c.API, c.Endpoint, c.Model, c.Kind, key)
}

// GoString is String: %#v must not print the key either.
func (c Config) GoString() string { return c.String() }

// Error is a failure with advice for the user.
type Error struct {
	Msg  string // lower case, what: cause
	Hint string // what to do about it; "": nothing to say
	Err  error  // cause; may be nil
}

func (e *Error) Error() string { return e.Msg }
func (e *Error) Unwrap() error { return e.Err }

// Engine is a server that was found, with the model that was chosen.
type Engine struct {
	cfg   Config
	site  *site
	info  Info
	model Model

	mu    sync.Mutex
	notes []string
}

// Info tells what the server is.
func (e *Engine) Info() Info {
	info := e.info
	info.Models = slices.Clone(info.Models)
	return info
}

// Endpoint is where the server was found, as configured.
func (e *Engine) Endpoint() string { return e.cfg.Endpoint }

// Model is the chosen one.
func (e *Engine) Model() Model { return e.model }

// Notes are remarks that a reader of the results should see, in the order in which
// they came up.
func (e *Engine) Notes() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.notes)
}

func (e *Engine) note(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.notes, text) {
		e.notes = append(e.notes, text)
	}
}

// Ask is the request for prompt with maxTokens of output, pinned to exactly that many
// where the engine has the means: vLLM, llama.cpp and the mock. Sampling is left to
// the caller. maxTokens 0 leaves the length to the server, unpinned.
func (e *Engine) Ask(prompt string, maxTokens int) client.Ask {
	ask := client.Ask{Prompt: prompt, MaxTokens: maxTokens}
	if maxTokens <= 0 {
		return ask
	}
	switch e.info.Kind {
	case VLLM:
		ask.Pinned = true
		ask.Extra = map[string]any{"ignore_eos": true, "min_tokens": maxTokens}
	case LlamaCpp, Mock:
		ask.Pinned = true
		ask.Extra = map[string]any{"ignore_eos": true}
	}
	return ask
}

// title is the name of the server for people.
func title(info Info) string {
	if info.Simulated {
		return SimulatedName
	}
	names := map[Kind]string{LlamaCpp: "llama.cpp", Rockchip: "RockchipLlama", Generic: "unidentified OpenAI-compatible server"}
	name := names[info.Kind]
	if name == "" {
		name = string(info.Kind)
	}
	return strings.TrimSpace(name + " " + info.Version)
}
