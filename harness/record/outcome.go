package record

// Outcome is the class of a request: exactly one per request, decided by package
// verdict from the facts in the request's record.
type Outcome string

// The outcome classes. What proves each is said at its rule in package verdict.
const (
	OK              Outcome = "ok"
	OOMGPU          Outcome = "oom_gpu"
	OOMHost         Outcome = "oom_host"
	KVExhausted     Outcome = "kv_exhausted"
	ContextLimit    Outcome = "context_limit"
	PromptTruncated Outcome = "prompt_truncated"
	ShortOutput     Outcome = "short_output"
	EmptyOutput     Outcome = "empty_output"
	TruncatedStream Outcome = "truncated_stream"
	MalformedStream Outcome = "malformed_stream"
	Stalled         Outcome = "stalled"
	Timeout         Outcome = "timeout"
	RateLimited     Outcome = "rate_limited"
	Auth            Outcome = "auth"
	Rejected        Outcome = "rejected"
	ServerError     Outcome = "server_error"
	Connection      Outcome = "connection"
	ServerDead      Outcome = "server_dead"
	Canceled        Outcome = "canceled"
)

// Outcomes lists every class in the order in which tables show them.
var Outcomes = []Outcome{
	OK, OOMGPU, OOMHost, KVExhausted, ContextLimit, PromptTruncated, ShortOutput,
	EmptyOutput, TruncatedStream, MalformedStream, Stalled, Timeout, RateLimited,
	Auth, Rejected, ServerError, Connection, ServerDead, Canceled,
}

// OutOfMemory tells whether the class is a proven lack of memory.
func (o Outcome) OutOfMemory() bool { return o == OOMGPU || o == OOMHost }
