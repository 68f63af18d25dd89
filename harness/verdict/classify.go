package verdict

import (
	"fmt"
	"strings"

	"aibench/harness/record"
)

// PromptTolerance is the share by which the server's count of prompt tokens may
// differ from what was sent: 1 % (definitions: "calibrated to within 1 %").
const PromptTolerance = 0.01

// Server is what is known of the server's process when a request ended. The zero
// Server is one that nobody watches.
type Server struct {
	Dead    bool             // the watched process has exited
	Code    int              // its exit status
	Signal  string           // name of the signal that ended it; "": none
	OOMKill record.Opt[bool] // its cgroup, container or the kernel log shows an OOM kill; absent: could not be read
	Tail    string           // last output of the process
}

// Describe says in words how the process ended.
func (s Server) Describe() string {
	how := fmt.Sprintf("exit status %d", s.Code)
	if s.Signal != "" {
		how = "signal " + s.Signal
	}
	if killed, ok := s.OOMKill.Get(); ok && killed {
		how += ", oom_kill raised"
	}
	if tail := strings.TrimSpace(s.Tail); tail != "" {
		how += ": " + lastLine(tail)
	}
	return how
}

// Classify gives the outcome of a request and the evidence for it. Of the request's
// record it reads facts only; its Outcome and Evidence fields play no part.
func Classify(r *record.Request, s Server) (record.Outcome, string) {
	o, evidence := classify(r, s)
	return o, clip(evidence)
}

func classify(r *record.Request, s Server) (record.Outcome, string) {
	if r.Failure != nil {
		return failed(r, s)
	}
	if r.FinishReason == "" {
		if s.Dead {
			return died(s)
		}
		if r.Terminated {
			return record.TruncatedStream, "stream ended with its end mark but without finish_reason"
		}
		return record.TruncatedStream, "stream ended without finish_reason and without its end mark"
	}
	return finished(r)
}

// failed classifies a request that broke off.
func failed(r *record.Request, s Server) (record.Outcome, string) {
	f := r.Failure
	switch f.Kind {
	case record.FailCancel:
		return record.Canceled, f.Message
	case record.FailHTTP, record.FailStream:
		return refused(r.Status, f)
	}
	if s.Dead {
		return died(s)
	}
	switch f.Kind {
	case record.FailMalformed:
		return record.MalformedStream, f.Message
	case record.FailStall:
		return record.Stalled, f.Message
	case record.FailTimeout:
		return record.Timeout, f.Message
	case record.FailReset:
		// A stream that had begun and then ended without its last chunk was cut; a
		// reset is the network's word.
		if r.Status != 0 && !strings.Contains(strings.ToLower(f.Message), "reset") {
			return record.TruncatedStream, f.Message
		}
	}
	return record.Connection, f.Message
}

// refused classifies an error that the server put into words.
func refused(status int, f *record.Failure) (record.Outcome, string) {
	evidence := f.Message
	if f.Kind == record.FailHTTP {
		evidence = fmt.Sprintf("HTTP %d: %s", status, f.Message)
	}
	// A busy or closed door is what its status says, whatever the page's text.
	switch {
	case f.Kind == record.FailHTTP && status == 429:
		return record.RateLimited, evidence
	case f.Kind == record.FailHTTP && (status == 401 || status == 403):
		return record.Auth, evidence
	}
	if sig, ok := Match(f.Message); ok {
		return sig.Outcome, evidence
	}
	if f.Kind == record.FailHTTP && status >= 400 && status < 500 {
		return record.Rejected, evidence
	}
	return record.ServerError, evidence
}

// died classifies the death of the watched server process.
func died(s Server) (record.Outcome, string) {
	if killed, ok := s.OOMKill.Get(); ok && killed {
		return record.OOMHost, s.Describe()
	}
	if sig, ok := Match(s.Tail); ok && sig.Outcome.OutOfMemory() {
		return sig.Outcome, s.Describe()
	}
	return record.ServerDead, s.Describe()
}

// finished classifies a request that ended in good order.
func finished(r *record.Request) (record.Outcome, string) {
	if got, ok := r.PromptTokens.Get(); ok && got > 0 && r.PromptSent > 0 &&
		float64(got) < float64(r.PromptSent)*(1-PromptTolerance) {
		return record.PromptTruncated, fmt.Sprintf("sent %d prompt tokens, server counted %d", r.PromptSent, got)
	}
	if !r.First.Has() {
		return record.EmptyOutput, fmt.Sprintf("finish_reason %q without any text", r.FinishReason)
	}
	got, ok := r.CompletionTokens.Get()
	if ok && r.OutputPinned && got < r.OutputWanted && !lengthReached(r) {
		return record.ShortOutput, fmt.Sprintf("%d of %d tokens, finish_reason %q", got, r.OutputWanted, r.FinishReason)
	}
	return record.OK, ""
}

// lengthReached trusts finish_reason "length" over a count of chunks: a chunk may
// carry several tokens.
func lengthReached(r *record.Request) bool {
	return r.FinishReason == "length" && r.TokenSource == "events"
}

func lastLine(s string) string {
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		return s[i+1:]
	}
	return s
}

func clip(s string) string {
	if len(s) > record.EvidenceLimit {
		return strings.ToValidUTF8(s[:record.EvidenceLimit], "")
	}
	return s
}
