// Package mockserver is an inference server without a model: the HTTP interfaces
// of vLLM, llama.cpp, Ollama and RockchipLlama on top of a model of memory, with
// faults to order. It exists so that everything which measures servers can be
// tested, and shown, on any machine. It shares no code with the client side, on
// purpose: a mistake in both would be invisible.
//
// To use it:
//
//  1. Choose a profile (Profiles, or a YAML file of your own): the machine and
//     the model that are played. LoadProfile reads it.
//  2. Choose a stage: "baseline" has the first tier of memory and fails beyond
//     it, "aidaptiv" has RAM and an SSD below it, and is slower there.
//  3. New gives an http.Handler; Close it at the end. As a command: mockserver
//     -profile 8b-on-16gb -stage aidaptiv (Main; also behind "aibench mock").
//  4. Ask Profile.Predict what a request must take; its comment has the formula.
//  5. Damage it: Options.Faults for a share of the requests, the header
//     X-Mock-Fault for one. X-Mock-Stamp: 1 (or Options.Stamp) puts the instant
//     of writing into each event as "mock_write_unix_ns" (wall clock, taken just
//     before the write), so that a client on the same host knows its own error.
//
// # Profiles
//
//   - 8b-on-16gb: an 8B model on a 16 GB machine with an 8 GiB GPU, sixty
//     times faster than life. Baseline ends between 16384 and 32768 tokens.
//   - fast: tiny delays for tests. Baseline ends between 8192 and 16384 tokens.
//   - steady: first token after 20 ms, then one every 10 ms: the clock that a client
//     is calibrated against.
//   - ideal: first token after 20 ms, then one every 2 ms, whatever is asked.
//   - null: no delay at all.
//
// # What is real and what is not
//
// Counts are exact: see CountTokens for the tokenizer. A completion has one
// token in front (BOS); a chat has BOS, 4 tokens a message and 3 to open the
// answer. Times are those of the formula, with a seeded spread (noise), kept to
// absolute deadlines: lateness does not add up. The KV cache is a real LRU of
// blocks over the tiers: a prompt seen before is found as far as its blocks are
// still there, the last token always being computed. Answers are words drawn
// from the prompt alone, so that both stages give the same. A request without a
// limit stops after default_output_tokens with finish_reason "stop"; all others
// run to their limit, whatever ignore_eos and min_tokens say, because this model
// has no end-of-sequence. Temperature, top_p, stop, n and logprobs are ignored.
//
// With Options.Pressure, the RAM that is modelled is really allocated and blocks
// that go to an SSD tier are really written to files, scaled by pressure_scale.
// Blocks are read back once when they are found again, not once a token.
//
// To play a model that takes its time to load, set Options.Load.
// To play an offload that was never engaged, serve the baseline twice. To play a
// prompt cut silently, set context_policy: truncate (as Ollama does anyway).
//
// Simplifications: prefill does not slow down decoding of others; pushing idle
// blocks down a tier takes no time; KV of answers is not found again.
//
// Every response carries Server: mockserver (simulated) and X-Mockserver:
// simulated, in every dialect. GET /health is 200 in every dialect, though the
// real Ollama has no such path; all other paths are those of the real server,
// and 404 where it has none.
//
// # Faults
//
// A fault is name[=argument], with :percent behind it in Options.Faults
// ("status=503:5,cut=2:1,stall=3/500:10"). Those of a stream need a streamed
// request; events are counted from 1 with the opening chunk, so cut=1 leaves one.
//
// Instead of an answer:
//
//	status=CODE            this HTTP status with the dialect's error body (500)
//	rate_limit             429 with Retry-After
//	auth                   401
//	oom                    500 with the dialect's GPU out-of-memory message
//	kv_exhausted           500, no space in the KV cache
//	context_limit          the prompt exceeds the context
//	hang                   never an answer
//	drop                   connection closed without a byte
//	die=EVENTS             death of GPU memory in the stream (3)
//
// The stream ends wrongly:
//
//	oom_stream=EVENTS      out-of-memory error object inside the stream (3)
//	error_object=EVENTS    another error object inside the stream (3)
//	cut=EVENTS             clean end without finish_reason and [DONE] (1)
//	reset=EVENTS           TCP reset (1)
//	malformed=EVENTS       a line of broken JSON, then on (3)
//	no_finish              no finish_reason
//	no_done                no [DONE]
//	stall=EVENTS/MS        silence, then on (3/1000)
//
// What the stream says:
//
//	empty_first=MS         chunk with role or empty text, MS after the request (0)
//	empty_output           finish_reason, no text
//	reasoning=TOKENS       reasoning_content first (4)
//	reasoning_key=TOKENS   the same under the key reasoning (4)
//	multi_token=TOKENS     tokens a chunk (4)
//	no_usage               no usage anywhere
//	usage_every_chunk      cumulative usage in every chunk
//	usage_zero_chunks      zeros in every chunk
//	usage_last_content     usage in the last chunk with text only
//	word_usage             prompt_tokens counts words
//	short=TOKENS           finish_reason stop after so many (3)
//	truncate_prompt=TOKENS prompt cut silently (4096)
//	cached=TOKENS          so many cached tokens, and their time saved (1024)
//
// How the bytes come:
//
//	crlf, nospace, comments, event_id_fields, no_trailing_newline, gzip, burst
//	split=BYTES            bytes a write (7)
//	utf8                   text of multi-byte characters
//	long_line=BYTES        padding in the first chunk with text (10 MiB)
//
// When the bytes come:
//
//	slow_headers=MS        everything so much later, headers first (500)
//	ttft=MS                first token so much later (100)
//	slow=PERCENT           prefill and decode so much slower (10)
package mockserver
