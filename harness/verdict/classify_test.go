package verdict

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// good is a request that ended well: 8192 tokens in, 64 out.
func good() record.Request {
	return record.Request{
		Start: record.Some[int64](0), First: record.Some[int64](5e6), Last: record.Some[int64](9e6),
		PromptWanted: 8192, PromptSent: 8192, PromptTokens: record.Some(8192),
		CompletionTokens: record.Some(64), TokenSource: "server",
		OutputWanted: 64, OutputPinned: true,
		Status: 200, FinishReason: "length", Terminated: true,
	}
}

func fail(status int, kind record.FailureKind, msg string) record.Request {
	r := good()
	r.Status, r.FinishReason, r.Terminated = status, "", false
	r.Failure = &record.Failure{Kind: kind, Message: msg}
	return r
}

func ExampleClassify() {
	r := record.Request{
		Status:  500,
		Failure: &record.Failure{Kind: record.FailHTTP, Message: "CUDA out of memory. Tried to allocate 4.00 GiB."},
	}
	outcome, evidence := Classify(&r, Server{})
	fmt.Println(outcome)
	fmt.Println(evidence)
	// Output:
	// oom_gpu
	// HTTP 500: CUDA out of memory. Tried to allocate 4.00 GiB.
}

func TestClassify(t *testing.T) {
	edit := func(f func(*record.Request)) record.Request { r := good(); f(&r); return r }
	dead := Server{Dead: true, Code: 1, Tail: "loading\nsegmentation fault"}
	killed := Server{Dead: true, Signal: "killed", OOMKill: record.Some(true)}
	for _, c := range []struct {
		name     string
		r        record.Request
		s        Server
		want     record.Outcome
		evidence string
	}{
		{"all well", good(), Server{}, record.OK, ""},
		{"finished before the server died", good(), dead, record.OK, ""},
		{"CUDA text", fail(500, record.FailHTTP, "CUDA error: out of memory"), Server{}, record.OOMGPU, "HTTP 500: CUDA error: out of memory"},
		{"OOM inside a 200 stream", fail(200, record.FailStream, "torch.OutOfMemoryError: HIP out of memory"), Server{}, record.OOMGPU, "HIP out of memory"},
		{"host text", fail(500, record.FailHTTP, "model requires more system memory (9.1 GiB) than is available"), Server{}, record.OOMHost, "system memory"},
		{"killed by the kernel", fail(200, record.FailReset, "unexpected EOF"), killed, record.OOMHost, "signal killed, oom_kill raised"},
		{"killed by someone", fail(200, record.FailReset, "unexpected EOF"), Server{Dead: true, Signal: "killed"}, record.ServerDead, "signal killed"},
		{"died saying CUDA", fail(0, record.FailReset, "EOF"), Server{Dead: true, Code: 134, Tail: "x\nCUDA error: out of memory"}, record.OOMGPU, "exit status 134: CUDA error"},
		{"died of bad_alloc", fail(0, record.FailReset, "EOF"), Server{Dead: true, Code: 134, Tail: "std::bad_alloc"}, record.OOMHost, "bad_alloc"},
		{"died otherwise", fail(0, record.FailDial, "connection refused"), dead, record.ServerDead, "segmentation fault"},
		{"cut while the server died", func() record.Request { r := good(); r.FinishReason, r.Terminated = "", false; return r }(), dead, record.ServerDead, "exit status 1"},
		{"no KV", fail(503, record.FailHTTP, "failed to find a memory slot for batch of size 512"), Server{}, record.KVExhausted, "memory slot"},
		{"beyond the context", fail(400, record.FailHTTP, "This model's maximum context length is 4096 tokens."), Server{}, record.ContextLimit, "4096"},
		{"prompt cut to 4096", edit(func(r *record.Request) { r.PromptTokens = record.Some(4096) }), Server{}, record.PromptTruncated, "sent 8192 prompt tokens, server counted 4096"},
		{"within one percent", edit(func(r *record.Request) { r.PromptTokens = record.Some(8111) }), Server{}, record.OK, ""},
		{"beyond one percent", edit(func(r *record.Request) { r.PromptTokens = record.Some(8110) }), Server{}, record.PromptTruncated, ""},
		{"no usage is no truncation", edit(func(r *record.Request) { r.PromptTokens = record.Opt[int]{} }), Server{}, record.OK, ""},
		{"three tokens", edit(func(r *record.Request) { r.CompletionTokens = record.Some(3); r.FinishReason = "stop" }), Server{}, record.ShortOutput, "3 of 64 tokens"},
		{"three tokens allowed", edit(func(r *record.Request) { r.CompletionTokens = record.Some(3); r.OutputPinned = false }), Server{}, record.OK, ""},
		{"chunks are not tokens", edit(func(r *record.Request) { r.CompletionTokens = record.Some(16); r.TokenSource = "events" }), Server{}, record.OK, ""},
		{"no text", edit(func(r *record.Request) { r.First, r.Last = record.Opt[int64]{}, record.Opt[int64]{} }), Server{}, record.EmptyOutput, `finish_reason "length"`},
		{"cut clean", edit(func(r *record.Request) { r.FinishReason, r.Terminated = "", false }), Server{}, record.TruncatedStream, "without its end mark"},
		{"end mark alone", edit(func(r *record.Request) { r.FinishReason = "" }), Server{}, record.TruncatedStream, "without finish_reason"},
		{"cut hard", fail(200, record.FailReset, "unexpected EOF"), Server{}, record.TruncatedStream, "unexpected EOF"},
		{"reset", fail(200, record.FailReset, "read: connection reset by peer"), Server{}, record.Connection, "reset by peer"},
		{"refused", fail(0, record.FailDial, "connection refused"), Server{}, record.Connection, "refused"},
		{"bad line", fail(200, record.FailMalformed, `{"choices":[`), Server{}, record.MalformedStream, `{"choices":[`},
		{"stalled", fail(200, record.FailStall, "no event for 30s"), Server{}, record.Stalled, "30s"},
		{"too long", fail(200, record.FailTimeout, "10m0s passed"), Server{}, record.Timeout, ""},
		{"429", fail(429, record.FailHTTP, "too many requests; preempted"), Server{}, record.RateLimited, "HTTP 429"},
		{"401", fail(401, record.FailHTTP, "no key"), Server{}, record.Auth, "HTTP 401"},
		{"403", fail(403, record.FailHTTP, "no"), Server{}, record.Auth, "HTTP 403"},
		{"404", fail(404, record.FailHTTP, "no such model"), Server{}, record.Rejected, "HTTP 404"},
		{"503", fail(503, record.FailHTTP, "overloaded"), Server{}, record.ServerError, "HTTP 503"},
		{"error in the stream", fail(200, record.FailStream, "engine stopped"), Server{}, record.ServerError, "engine stopped"},
		{"our own doing", fail(200, record.FailCancel, "interrupted"), dead, record.Canceled, "interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, evidence := Classify(&c.r, c.s)
			assert.Equal(t, c.want, got)
			assert.Contains(t, evidence, c.evidence)
		})
	}
}

// Every class of the definitions has a case that reaches it.
func TestEveryOutcomeIsReachable(t *testing.T) {
	reached := map[record.Outcome]bool{}
	for _, s := range Signatures {
		r := fail(500, record.FailHTTP, "prefix "+strings.ToUpper(s.Text)+" suffix")
		o, _ := Classify(&r, Server{})
		assert.Equal(t, s.Outcome, o, "%q is shadowed by an earlier signature", s.Text)
		reached[o] = true
	}
	assert.Len(t, reached, 4)
}

func TestEvidenceIsBounded(t *testing.T) {
	r := fail(500, record.FailHTTP, strings.Repeat("ä", record.EvidenceLimit))
	_, evidence := Classify(&r, Server{})
	assert.LessOrEqual(t, len(evidence), record.EvidenceLimit)
	assert.NotContains(t, evidence, "\uFFFD")
}

func TestValidate(t *testing.T) {
	edit := func(f func(*record.Request)) record.Request {
		r := good()
		f(&r)
		r.Outcome, r.Evidence = Classify(&r, Server{})
		return r
	}
	keep := func(*record.Request) {}
	for _, c := range []struct {
		name   string
		rs     []record.Request
		status Status
		reason string
	}{
		{"all well", []record.Request{edit(keep), edit(keep)}, Valid, ""},
		{"an honest failure", []record.Request{func() record.Request {
			r := fail(500, record.FailHTTP, "CUDA out of memory")
			r.PromptTokens = record.Opt[int]{}
			r.Outcome, r.Evidence = Classify(&r, Server{})
			return r
		}()}, Valid, ""},
		{"silent truncation", []record.Request{edit(keep), edit(func(r *record.Request) { r.PromptTokens = record.Some(4096) })},
			Invalid, "prompt truncated by the server in 1 of 2 requests: sent 8192 prompt tokens, server counted 4096"},
		{"longer than asked", []record.Request{edit(func(r *record.Request) { r.PromptTokens = record.Some(8300) })},
			Invalid, "wanted 8192, server counted 8300"},
		{"cache hit", []record.Request{edit(func(r *record.Request) { r.CachedTokens = record.Some(4096) })},
			Invalid, "unexpected cache hit in 1 of 1 requests: 4096 of 8192"},
		{"a template's beginning", []record.Request{edit(func(r *record.Request) { r.CachedTokens = record.Some(32) })}, Valid, ""},
		{"short answer", []record.Request{edit(func(r *record.Request) { r.CompletionTokens = record.Some(3) })},
			Invalid, "differs from the pinned 64 tokens in 1 of 1 requests: 3 tokens"},
		{"no count of the prompt", []record.Request{edit(func(r *record.Request) { r.PromptTokens = record.Opt[int]{} })}, Inconclusive,
			"the server reported no prompt tokens in 1 of 1 requests"},
		{"all in one burst", []record.Request{edit(func(r *record.Request) { r.Events = events(0, 0, 0, 0, 0, 0, 0, 0) })}, Invalid,
			"the stream arrived in bursts in 1 of 1 requests"},
		{"two by two", []record.Request{edit(func(r *record.Request) { r.Events = events(0, 0, 5, 5, 10, 10, 15, 15) })}, Invalid, "bursts"},
		{"a pair in a packet", []record.Request{edit(func(r *record.Request) { r.Events = events(0, 5, 5, 10, 15, 20, 25, 30) })}, Valid, ""},
		{"too few to tell", []record.Request{edit(func(r *record.Request) { r.Events = events(0, 0, 0) })}, Valid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Validate(c.rs, nil)
			assert.Equal(t, c.status, v.Status)
			if c.reason == "" {
				assert.Empty(t, v.Reasons)
				return
			}
			require.NotEmpty(t, v.Reasons)
			assert.Contains(t, v.Reasons[0], c.reason)
		})
	}
}

// events with text at these instants, ms after the start.
func events(at ...int64) record.Events {
	var e record.Events
	for _, ms := range at {
		e.Arrive = append(e.Arrive, (ms+1)*1e6)
		e.Kind += string(rune(record.EventText))
	}
	return e
}

// The client's error makes a cell INVALID where it is not small against the figure.
func TestClientLimit(t *testing.T) {
	r := good()
	r.Start, r.First = record.Some[int64](1), record.Some[int64](5e6+1) // TTFT 5 ms
	r.Events = events(5, 6, 7, 8, 9, 10, 11, 12)
	r.Outcome = record.OK
	clock := func(first, gap int64, cpu float64, failed int) *record.CalibrationLevel {
		return &record.CalibrationLevel{Users: 4, First: record.Spread{P99: first}, Gap: record.Spread{P50: gap}, CPUShare: record.Some(cpu), Failed: failed}
	}
	for _, c := range []struct {
		name   string
		clock  *record.CalibrationLevel
		reason string
	}{
		{"not calibrated", nil, ""},
		{"small", clock(250e3, 50e3, 0.8, 0), ""},
		{"TTFT", clock(251e3, 0, 0, 0), "its error of a TTFT (251µs, calibrated at 4 users) exceeds 5 % of the measured 5ms"},
		{"gap", clock(0, 51e3, 0, 0), "its error of a gap (51µs, calibrated at 4 users) exceeds 5 % of the measured 1ms"},
		{"CPU", clock(0, 0, 0.81, 0), "used 81 % of the CPU"},
		{"failed", clock(0, 0, 0, 1), "1 of its requests failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Validate([]record.Request{r}, c.clock)
			if c.reason == "" {
				assert.Equal(t, Valid, v.Status, v.Reasons)
				return
			}
			assert.Equal(t, Invalid, v.Status)
			require.NotEmpty(t, v.Reasons)
			assert.Contains(t, v.Reasons[0], c.reason)
		})
	}
}

func TestClockFor(t *testing.T) {
	c := record.Calibration{Levels: []record.CalibrationLevel{{Users: 1}, {Users: 4}, {Users: 8}}}
	assert.Equal(t, 1, ClockFor(c, 1).Users)
	assert.Equal(t, 4, ClockFor(c, 3).Users)
	assert.Equal(t, 8, ClockFor(c, 100).Users)
	assert.Nil(t, ClockFor(record.Calibration{}, 1))
}
