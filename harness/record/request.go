package record

// EvidenceLimit is the most that is kept of an error body, line or log: 2 KiB.
const EvidenceLimit = 2 << 10

// Request is one request as it happened: raw facts and stamps, and the class that
// package verdict gave it. Every figure of a run is computed from these.
//
// Instants are nanoseconds of the client's monotonic clock since the epoch of the
// session that made the request (Session.Epoch); an absent instant never happened.
type Request struct {
	Type    string `json:"type"`    // "request"
	Session int    `json:"session"` // number of the session that made it, from 1
	Cell    string `json:"cell"`    // benchmark name without the GOMAXPROCS suffix
	Trial   int    `json:"trial"`   // from 1; 0 is a warm-up, which no figure counts
	Index   int    `json:"index"`   // within the trial, from 0
	User    int    `json:"user"`    // which of the concurrent users sent it, from 0

	Intended Opt[int64] `json:"intended_ns,omitzero"` // when the schedule wanted it to start
	Start    Opt[int64] `json:"start_ns,omitzero"`    // just before it was handed to the HTTP client
	Wrote    Opt[int64] `json:"wrote_ns,omitzero"`    // request fully written
	Headers  Opt[int64] `json:"headers_ns,omitzero"`  // first response byte
	First    Opt[int64] `json:"first_ns,omitzero"`    // first event with generated text of any kind
	Answer   Opt[int64] `json:"answer_ns,omitzero"`   // first event with answer text
	Last     Opt[int64] `json:"last_ns,omitzero"`     // last event with generated text
	Done     Opt[int64] `json:"done_ns,omitzero"`     // event with finish_reason, or Ollama done:true
	End      Opt[int64] `json:"end_ns,omitzero"`      // stream closed, or failure noticed

	Connect    Opt[int64] `json:"connect_ns,omitzero"` // duration of dialling (and TLS); absent when a connection was reused
	ConnReused bool       `json:"conn_reused,omitempty"`
	Stamp      string     `json:"stamp,omitempty"` // who took the arrival instants: "user" (clock right after the read) or "kernel"

	Events Events `json:"events"`

	PromptWanted     int        `json:"prompt_wanted"`              // tokens the cell asked for; 0: not by length
	PromptSent       int        `json:"prompt_sent,omitempty"`      // tokens the builder counted in what was sent; 0: not counted
	PromptSource     string     `json:"prompt_source,omitempty"`    // how PromptSent was counted: endpoint, tokenizer, calibrated
	PromptTokens     Opt[int]   `json:"prompt_tokens,omitzero"`     // as the server counted
	CachedTokens     Opt[int]   `json:"cached_tokens,omitzero"`     // of the prompt, found in the server's cache
	CompletionTokens Opt[int]   `json:"completion_tokens,omitzero"` // see TokenSource
	TokenSource      string     `json:"token_source,omitempty"`     // of CompletionTokens: server, endpoint, tokenizer, calibrated, events
	OutputWanted     int        `json:"output_wanted,omitempty"`    // max_tokens of the request
	OutputPinned     bool       `json:"output_pinned,omitempty"`    // exactly OutputWanted tokens were required: fewer are a failure, whether or not the engine could be told so
	ServerLoad       Opt[int64] `json:"server_load_ns,omitzero"`    // the server's own figure: model load, ns
	ServerPrefill    Opt[int64] `json:"server_prefill_ns,omitzero"` // the server's own figure: prompt evaluation, ns
	ServerDecode     Opt[int64] `json:"server_decode_ns,omitzero"`  // the server's own figure: generation, ns

	// Reuse says whether a cache hit is expected: "" (cold) means that no part of the
	// prompt was sent before; "declared" that it repeats on purpose.
	Reuse string `json:"reuse,omitempty"`

	Status       int      `json:"status,omitempty"`        // HTTP status; 0: no answer came
	FinishReason string   `json:"finish_reason,omitempty"` // as sent
	Terminated   bool     `json:"terminated,omitempty"`    // [DONE] or Ollama done:true was seen
	Failure      *Failure `json:"failure,omitempty"`       // what ended it before its regular end; nil: nothing did
	Prompt       string   `json:"prompt,omitempty"`        // identity of the prompt (hash), not its text
	Text         string   `json:"text,omitempty"`          // the generated answer text

	Outcome  Outcome `json:"outcome"`
	Evidence string  `json:"evidence,omitempty"` // what proves the outcome, at most EvidenceLimit bytes
}

// FailureKind names at which point a request ended before its regular end.
type FailureKind string

// The kinds of failure a client can see. They are facts, not classes: which class
// follows from one is decided in package verdict.
const (
	FailDial      FailureKind = "dial"      // DNS, refused, TLS
	FailReset     FailureKind = "reset"     // connection lost before or while reading
	FailHTTP      FailureKind = "http"      // status other than 2xx; Message is the body's beginning
	FailStream    FailureKind = "stream"    // an error object inside a 2xx stream; Message is its text
	FailMalformed FailureKind = "malformed" // a line that can't be parsed; Message is the line
	FailStall     FailureKind = "stall"     // no event for longer than the stall limit
	FailTimeout   FailureKind = "timeout"   // the request's total limit passed
	FailCancel    FailureKind = "cancel"    // we stopped it
	FailClient    FailureKind = "client"    // the request could not be made (bad URL, body)
)

// Failure is the raw fact of a request that broke off.
type Failure struct {
	Kind    FailureKind `json:"kind"`
	Message string      `json:"message"` // at most EvidenceLimit bytes
}

// Events are the events of a stream in order of arrival, as columns of equal
// length; they are the raw material of gaps and stalls.
type Events struct {
	// Arrive is when the last byte of each event had been read, in ns since
	// Request.Start.
	Arrive []int64 `json:"arrive_ns,omitempty"`
	// Kind has one letter an event: 't' answer text, 'r' reasoning text, 'c'
	// tool-call arguments, 'e' neither (role only, empty string), 'f' finish
	// without text, 'u' usage only. An event with text and a finish_reason is 't'.
	Kind string `json:"kind,omitempty"`
}

// Event kinds, as in Events.Kind.
const (
	EventText      = 't'
	EventReasoning = 'r'
	EventTool      = 'c'
	EventEmpty     = 'e'
	EventFinish    = 'f'
	EventUsage     = 'u'
)
