package session

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/client"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stage"
	"aibench/harness/verdict"
	"aibench/mockserver"
)

// trap is one way in which a server misleads or fails who measures it. The number in
// its name is its row in the project's list of traps; 0 stands for failures that no
// row names.
type trap struct {
	name    string
	dialect string               // "": vllm
	api     client.API           // "": completions
	fault   string               // of the measured request
	ctx     int                  // prompt tokens; 0: 512
	limit   int                  // the model's context, tokens; 0: the profile's
	client  func(*client.Config) // nil: as configFor
	exit    *stage.Exit          // how the watched server process ended; nil: nobody watches

	want     record.Outcome
	evidence string
	validity verdict.Status // "": not asked
	check    func(*testing.T, record.Request)
}

const trapTokens = 16 // output tokens asked for

var traps = []trap{
	{name: "01_role_only_chunk_is_not_the_first_token", api: client.Chat, fault: "empty_first,ttft=30", want: record.OK,
		check: func(t *testing.T, r record.Request) {
			assert.True(t, strings.HasPrefix(r.Events.Kind, "et"), r.Events.Kind)
			assert.Equal(t, eventAt(r, 1), r.First, "the second event")
			assert.GreaterOrEqual(t, r.TTFT().Or(0), (30 * time.Millisecond).Nanoseconds())
		}},
	{name: "01_empty_text_is_not_the_first_token", fault: "empty_first,ttft=30", want: record.OK,
		check: func(t *testing.T, r record.Request) {
			assert.True(t, strings.HasPrefix(r.Events.Kind, "et"), r.Events.Kind)
			assert.GreaterOrEqual(t, r.TTFT().Or(0), (30 * time.Millisecond).Nanoseconds())
		}},
	{name: "02_reasoning_is_the_first_token", api: client.Chat, fault: "reasoning=4", want: record.OK, check: reasoned},
	{name: "02_reasoning_under_its_other_key", api: client.Chat, fault: "reasoning_key=4", want: record.OK, check: reasoned},
	{name: "03_no_text_is_no_TTFT", fault: "empty_output", want: record.EmptyOutput, evidence: `finish_reason "stop" without any text`,
		check: func(t *testing.T, r record.Request) {
			assert.False(t, r.First.Has())
			assert.False(t, r.TTFT().Has())
			for _, v := range metric.OfTrial(record.Trial{}, []record.Request{r}) {
				assert.NotEqual(t, metric.TTFT, v.Unit)
			}
		}},
	{name: "04_two_events_in_one_write_have_gap_0", fault: "burst", want: record.OK,
		check: func(t *testing.T, r record.Request) {
			gaps := r.Gaps()
			assert.Len(t, gaps, trapTokens-1)
			assert.Contains(t, gaps, int64(0))
		}},
	{name: "09_a_chunk_is_not_a_token", fault: "multi_token=4", want: record.OK,
		check: func(t *testing.T, r record.Request) {
			assert.Equal(t, 4, strings.Count(r.Events.Kind, "t"))
			assert.Equal(t, record.Some(trapTokens), r.CompletionTokens)
			assert.Equal(t, "server", r.TokenSource)
		}},
	{name: "12_cut_stream_is_truncated_stream", fault: "cut=3", want: record.TruncatedStream, evidence: "without finish_reason and without its end mark"},
	{name: "12_cut_after_one_chunk", api: client.Chat, fault: "cut=1", want: record.TruncatedStream, evidence: "without finish_reason",
		check: func(t *testing.T, r record.Request) { assert.False(t, r.First.Has(), "only a role came") }},
	{name: "12_cut_NDJSON", dialect: "ollama", api: client.Ollama, fault: "cut=3", want: record.TruncatedStream, evidence: "without finish_reason"},
	{name: "12_end_mark_without_finish_reason", fault: "no_finish", want: record.TruncatedStream, evidence: "with its end mark but without finish_reason"},
	{name: "12_finish_reason_without_end_mark", fault: "no_done", want: record.OK,
		check: func(t *testing.T, r record.Request) { assert.False(t, r.Terminated) }},
	{name: "13_error_object_in_the_stream", fault: "error_object=3", want: record.ServerError, evidence: "EngineCore encountered an issue"},
	{name: "13_out_of_memory_in_the_stream", fault: "oom_stream=3", want: record.OOMGPU, evidence: "out of memory",
		check: func(t *testing.T, r record.Request) { assert.Equal(t, 200, r.Status) }},
	{name: "13_error_in_NDJSON", dialect: "ollama", api: client.Ollama, fault: "error_object=3", want: record.ServerError, evidence: "EngineCore"},
	{name: "14_no_text_in_NDJSON", dialect: "ollama", api: client.Ollama, fault: "empty_output", want: record.EmptyOutput},
	{name: "15_usage_in_every_chunk", fault: "usage_every_chunk", want: record.OK, check: counted},
	{name: "15_usage_of_zeros_in_every_chunk", fault: "usage_zero_chunks", want: record.OK, check: counted},
	{name: "15_usage_in_the_last_chunk_with_text", fault: "usage_last_content", want: record.OK, check: counted},
	{name: "15_usage_nowhere", fault: "no_usage", want: record.OK,
		check: func(t *testing.T, r record.Request) {
			assert.False(t, r.PromptTokens.Has())
			assert.Equal(t, record.Some(trapTokens), r.CompletionTokens)
			assert.Equal(t, "events", r.TokenSource)
			assert.True(t, metric.Estimated(r))
		}},
	{name: "15_usage_nowhere_and_several_tokens_a_chunk", fault: "no_usage,multi_token=4", want: record.OK, validity: verdict.Inconclusive,
		check: func(t *testing.T, r record.Request) {
			assert.Equal(t, record.Some(4), r.CompletionTokens, "an estimate, and marked as one")
			assert.True(t, metric.Estimated(r))
		}},
	{name: "16_broken_line", fault: "malformed=3", want: record.MalformedStream, evidence: `{"id":"broken","choices":[{"index":0,"del`},
	{name: "16_broken_line_in_NDJSON", dialect: "ollama", api: client.Ollama, fault: "malformed=3", want: record.MalformedStream, evidence: `{"id":"broken"`},
	{name: "17_prompt_cut_silently", fault: "truncate_prompt=100", want: record.PromptTruncated,
		evidence: "sent 512 prompt tokens, server counted 100", validity: verdict.Invalid},
	{name: "17_prompt_cut_at_the_context", dialect: "ollama", api: client.Ollama, ctx: 4096, limit: 2048, want: record.PromptTruncated,
		evidence: "prompt tokens, server counted 2048", validity: verdict.Invalid},
	{name: "18_prompt_length_is_exact", ctx: 1000, want: record.OK, validity: verdict.Valid,
		check: func(t *testing.T, r record.Request) {
			assert.Equal(t, record.Some(1000), r.PromptTokens)
			assert.Equal(t, "endpoint", r.PromptSource)
		}},
	{name: "19_short_answer", fault: "short=3", want: record.ShortOutput, evidence: `3 of 16 tokens, finish_reason "stop"`, validity: verdict.Invalid},
	{name: "19_short_answer_of_an_engine_that_can_not_be_pinned", dialect: "ollama", api: client.Ollama, fault: "short=3",
		want: record.ShortOutput, evidence: `3 of 16 tokens, finish_reason "stop"`, validity: verdict.Invalid},
	{name: "20_unexpected_cache_hit", fault: "cached=400", want: record.OK, validity: verdict.Invalid,
		check: func(t *testing.T, r record.Request) { assert.Equal(t, record.Some(400), r.CachedTokens) }},
	{name: "22_server_dies_and_nobody_watches", fault: "die=3", want: record.TruncatedStream},
	{name: "22_server_killed_by_the_kernel", fault: "drop", exit: &stage.Exit{Code: -1, Signal: "SIGKILL", OOMKill: record.Some(true)},
		want: record.OOMHost, evidence: "signal SIGKILL, oom_kill raised"},
	{name: "22_server_exits", fault: "drop", exit: &stage.Exit{Code: 139, Tail: "loading\nsegmentation fault"},
		want: record.ServerDead, evidence: "exit status 139: segmentation fault"},
	{name: "22_server_exits_of_GPU_memory", fault: "reset=3", exit: &stage.Exit{Code: 1, Tail: "CUDA error: out of memory"},
		want: record.OOMGPU, evidence: "CUDA error: out of memory"},
	{name: "22_server_dies_before_it_finishes_its_stream", fault: "cut=3", exit: &stage.Exit{Code: -1, Signal: "SIGKILL", OOMKill: record.Some(true)},
		want: record.OOMHost, evidence: "oom_kill raised"},

	{name: "00_out_of_memory", fault: "oom", want: record.OOMGPU, evidence: "HTTP 500: "},
	{name: "00_out_of_memory_of_llama.cpp", dialect: "llamacpp", fault: "oom", want: record.OOMGPU, evidence: "HTTP 500: "},
	{name: "00_out_of_memory_of_Ollama", dialect: "ollama", api: client.Ollama, fault: "oom", want: record.OOMGPU, evidence: "HTTP 500: "},
	{name: "00_out_of_memory_of_RockchipLlama", dialect: "rockchip", fault: "oom", want: record.OOMGPU, evidence: "HTTP 500: "},
	{name: "00_no_KV_space", fault: "kv_exhausted", want: record.KVExhausted, evidence: "HTTP 500: "},
	{name: "00_no_KV_space_of_llama.cpp", dialect: "llamacpp", fault: "kv_exhausted", want: record.KVExhausted},
	{name: "00_no_KV_space_of_Ollama", dialect: "ollama", api: client.Ollama, fault: "kv_exhausted", want: record.KVExhausted},
	{name: "00_beyond_the_context", ctx: 2048, limit: 1024, want: record.ContextLimit, evidence: "HTTP 400: "},
	{name: "00_beyond_the_context_of_llama.cpp", dialect: "llamacpp", ctx: 2048, limit: 1024, want: record.ContextLimit, evidence: "HTTP 400: "},
	{name: "00_beyond_the_context_of_RockchipLlama", dialect: "rockchip", ctx: 2048, limit: 1024, want: record.ContextLimit},
	{name: "00_too_many_requests", fault: "rate_limit", want: record.RateLimited, evidence: "HTTP 429: "},
	{name: "00_no_permission", fault: "auth", want: record.Auth, evidence: "HTTP 401: "},
	{name: "00_overloaded", fault: "status=503", want: record.ServerError, evidence: "HTTP 503: "},
	{name: "00_not_found", fault: "status=404", want: record.Rejected, evidence: "HTTP 404: "},
	{name: "00_connection_reset", fault: "reset=3", want: record.Connection, evidence: "reset"},
	{name: "00_connection_dropped_without_an_answer", fault: "drop", want: record.Connection, evidence: "EOF",
		check: func(t *testing.T, r record.Request) { assert.Zero(t, r.Status) }},
	{name: "00_silence_in_the_stream", fault: "stall=3/60000", want: record.Stalled,
		client: func(c *client.Config) { c.StallTimeout = 50 * time.Millisecond },
		check:  func(t *testing.T, r record.Request) { assert.Equal(t, 3, strings.Count(r.Events.Kind, "t")) }},
	{name: "00_no_answer_at_all", fault: "hang", want: record.Timeout,
		client: func(c *client.Config) { c.Timeout = 50 * time.Millisecond }},
}

// Every row of the traps that a server sets, against a real trial.
func TestTraps(t *testing.T) {
	for _, row := range traps {
		t.Run(row.name, func(t *testing.T) {
			m := row.run(t)
			require.Len(t, m.Requests, 1)
			r := m.Requests[0]
			assert.Equal(t, row.want, r.Outcome, "evidence: %s, failure: %+v", r.Evidence, r.Failure)
			assert.Contains(t, r.Evidence, row.evidence)
			if row.want != record.OK {
				assert.NotEmpty(t, r.Evidence, "a failure without evidence")
			}
			if row.validity != "" {
				v := judged(m.Requests)
				assert.Equal(t, row.validity, v.Status, v.Reasons)
			}
			if row.check != nil {
				row.check(t, r)
			}
		})
	}
}

// run measures one trial against a server with the trap, and gives back what the
// journal holds of it.
func (row trap) run(t *testing.T) Measured {
	srv := serve(t, "fast", mockserver.Options{Dialect: row.dialect}, func(p *mockserver.Profile) {
		if row.limit > 0 {
			p.MaxModelLen = row.limit
		}
	})
	cfg := configFor(srv, newRun(t))
	cfg.speak(row.api)
	if row.client != nil {
		row.client(&cfg.Client)
	}
	if row.exit != nil {
		cfg.ServerState = stateFile(t, stage.State{PID: 1, Exit: row.exit})
	}
	s := open(t, srv, cfg, always(row.fault))
	ctx := row.ctx
	if ctx == 0 {
		ctx = 512
	}
	m := trial(t, s, cell(ctx, 1, 1), trapTokens)
	require.Len(t, srv.received(), 1, "no retry within a measurement")
	done := closed(t, s, record.EndComplete).Finished(cell(ctx, 1, 1).Name())
	require.Len(t, done, 1)
	assert.JSONEq(t, asJSON(t, m), asJSON(t, Measured{TrialData: done[0]}), "the journal holds what was given back")
	return Measured{TrialData: done[0]}
}

// Every class that a server can cause is caused. Canceled is ours (TestInterrupt).
func TestTrapsReachEveryOutcome(t *testing.T) {
	var missing []record.Outcome
	for _, o := range record.Outcomes {
		if o != record.Canceled && !slices.ContainsFunc(traps, func(row trap) bool { return row.want == o }) {
			missing = append(missing, o)
		}
	}
	assert.Empty(t, missing)
}

// Trap 11: whatever the framing, the same text arrives, whole.
func TestTraps11Framing(t *testing.T) {
	type wire struct {
		dialect string
		api     client.API
	}
	sse, chat, ndjson := wire{"vllm", client.Completions}, wire{"vllm", client.Chat}, wire{"ollama", client.Ollama}
	for _, c := range []struct {
		name   string
		wires  []wire
		like   string // fault of the server whose text is expected
		faults []string
	}{
		{"words", []wire{sse, chat, ndjson}, "", []string{"crlf", "split=1", "split=7", "gzip", "no_trailing_newline", "long_line"}},
		{"server-sent events", []wire{sse, chat}, "", []string{"nospace", "comments", "event_id_fields",
			"crlf,nospace,comments,event_id_fields,split=5,gzip,no_trailing_newline"}},
		{"characters of several bytes", []wire{sse, chat, ndjson}, "utf8", []string{"utf8,split=1", "utf8,crlf,split=3,gzip", "utf8,long_line=65536"}},
	} {
		for _, w := range c.wires {
			want := framed(t, w.dialect, w.api, c.like)
			for _, fault := range c.faults {
				t.Run(c.name+"/"+string(w.api)+"/"+fault, func(t *testing.T) {
					got := framed(t, w.dialect, w.api, fault)
					assert.Equal(t, want.Text, got.Text)
					assert.Equal(t, strings.Trim(want.Events.Kind, "ufe"), strings.Trim(got.Events.Kind, "ufe"))
					assert.True(t, got.Terminated)
				})
			}
		}
	}
}

// framed is a request against a server that holds nothing back.
func framed(t *testing.T, dialect string, api client.API, fault string) record.Request {
	t.Helper()
	srv := serve(t, "null", mockserver.Options{Dialect: dialect})
	cfg := configFor(srv, nil)
	cfg.speak(api)
	r := trial(t, open(t, srv, cfg, always(fault)), cell(64, 1, 1), trapTokens).Requests[0]
	require.Equal(t, record.OK, r.Outcome, "%s: %+v", r.Evidence, r.Failure)
	require.Equal(t, record.Some(trapTokens), r.CompletionTokens)
	require.NotEmpty(t, r.Text)
	return r
}

// Trap 18: a server without a tokenizer to ask is calibrated on what it counts, by
// the runtime and not by words, and its count stands beside ours.
func TestTraps18CalibratedOnTheServersOwnCounts(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{Dialect: "rockchip", Faults: "word_usage"})
	s := open(t, srv, configFor(srv, newRun(t)), nil)
	m := trial(t, s, cell(2048, 1, 2), trapTokens)
	for _, r := range m.Requests {
		assert.Equal(t, record.OK, r.Outcome, r.Evidence)
		assert.Equal(t, "calibrated", r.PromptSource)
		assert.InEpsilon(t, 2048, r.PromptTokens.Or(0), verdict.PromptTolerance)
	}
	assert.Equal(t, verdict.Valid, judged(m.Requests).Status)
}

// Trap 19: an answer may be short where the work does not ask for a full one, and the
// engine is not forced to go on then.
func TestTraps19FullLengthIsTheWorksChoice(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, nil), always("short=3"))
	w := ContextWork(cell(64, 1, 1), trapTokens)
	w.FullLength = false
	m, err := s.Trial(t.Context(), w)
	require.NoError(t, err)
	assert.Equal(t, record.OK, m.Requests[0].Outcome, m.Requests[0].Evidence)
	assert.False(t, m.Requests[0].OutputPinned)
	assert.Equal(t, verdict.Valid, judged(m.Requests).Status)
}

// Trap 20: a hit that the work declares is none to complain about.
func TestTraps20DeclaredReuse(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, nil), always("cached=400"))
	w := ContextWork(cell(512, 1, 1), trapTokens)
	w.Reuse = "declared"
	m, err := s.Trial(t.Context(), w)
	require.NoError(t, err)
	assert.Equal(t, verdict.Valid, judged(m.Requests).Status)
}

// Every dialect of every engine: a plain trial is ok, and its prompt has the length
// that was asked for by the server's own count.
func TestDialects(t *testing.T) {
	for _, c := range []struct {
		dialect string
		api     client.API
		source  string
	}{
		{"vllm", client.Completions, "endpoint"},
		{"vllm", client.Chat, "endpoint"},
		{"llamacpp", client.Completions, "endpoint"},
		{"llamacpp", client.Chat, "endpoint"},
		{"ollama", client.Completions, "calibrated"},
		{"ollama", client.Chat, "calibrated"},
		{"ollama", client.Ollama, "calibrated"},
		{"rockchip", client.Completions, "calibrated"},
		{"rockchip", client.Chat, "calibrated"},
	} {
		t.Run(c.dialect+"/"+string(c.api), func(t *testing.T) {
			srv := serve(t, "fast", mockserver.Options{Dialect: c.dialect})
			cfg := configFor(srv, newRun(t))
			cfg.speak(c.api)
			cfg.Warmup = 1
			s := open(t, srv, cfg, nil)
			m := trial(t, s, cell(2048, 2, 4), trapTokens)
			for _, r := range m.Requests {
				assert.Equal(t, record.OK, r.Outcome, "%s %+v", r.Evidence, r.Failure)
				assert.Equal(t, c.source, r.PromptSource)
				if c.source == "endpoint" {
					assert.Equal(t, record.Some(2048), r.PromptTokens)
				}
				assert.InEpsilon(t, 2048, r.PromptTokens.Or(0), verdict.PromptTolerance)
				assert.Equal(t, record.Some(trapTokens), r.CompletionTokens)
				assert.Equal(t, "server", r.TokenSource)
				assert.True(t, r.OutputPinned, "a full length was asked for")
			}
			v := judged(m.Requests)
			assert.Equal(t, verdict.Valid, v.Status, v.Reasons)
			assert.True(t, s.Begun().Simulated)
		})
	}
}

func reasoned(t *testing.T, r record.Request) {
	assert.Equal(t, "rrrr"+strings.Repeat("t", trapTokens-4), strings.Trim(r.Events.Kind, "euf"))
	first := strings.IndexByte(r.Events.Kind, 'r')
	assert.Equal(t, eventAt(r, first), r.First)
	assert.Equal(t, eventAt(r, first+4), r.Answer)
	assert.GreaterOrEqual(t, r.TTFA().Or(0), r.TTFT().Or(0))
	assert.Equal(t, record.Some(trapTokens), r.CompletionTokens, "reasoning is generated text")
}

// counted: usage was found, and the last figure counts.
func counted(t *testing.T, r record.Request) {
	assert.Equal(t, record.Some(512), r.PromptTokens)
	assert.Equal(t, record.Some(trapTokens), r.CompletionTokens)
	assert.Equal(t, "server", r.TokenSource)
}

// eventAt is the instant of an event on the session's clock.
func eventAt(r record.Request, n int) record.Opt[int64] {
	return record.Some(r.Start.Or(0) + r.Events.Arrive[n])
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func stateFile(t *testing.T, s stage.State) string {
	t.Helper()
	b, err := json.Marshal(s)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "server.json")
	require.NoError(t, os.WriteFile(path, b, 0o644))
	return path
}

// judged is the verdict on the work. The mock in this process has no time to be even:
// its events come together, and rightly have no valid gaps.
func judged(rs []record.Request) verdict.Validity {
	work := slices.Clone(rs)
	for i := range work {
		work[i].Events = record.Events{}
	}
	return verdict.Validate(work, nil)
}
