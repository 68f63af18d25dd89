package mockserver

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Fault is one way in which this server can misbehave.
type Fault struct {
	Name    string
	Arg     string // meaning of the argument; empty: takes none
	Default string // the argument when none is given
	Effect  string
	Trap    string // row of the list of traps it stands for; empty: none
}

// Faults returns every fault, in the order of the documentation.
func Faults() []Fault {
	return []Fault{
		// Instead of an answer.
		{"status", "code", "500", "answer with this HTTP status and the dialect's error body", ""},
		{"rate_limit", "", "", "answer 429 with Retry-After: 1", ""},
		{"auth", "", "", "answer 401", ""},
		{"oom", "", "", "answer 500 with the dialect's GPU out-of-memory message", ""},
		{"kv_exhausted", "", "", "answer 500: no space left in the KV cache", ""},
		{"context_limit", "", "", "answer that the prompt exceeds the context", ""},
		{"hang", "", "", "never answer; ends when the client leaves", ""},
		{"drop", "", "", "close the connection without a byte of an answer", ""},
		{"die", "events", "3", "die of GPU memory after so many events: the command exits (see -oom), a server within a process answers nothing any more", "22"},
		// The stream ends wrongly.
		{"oom_stream", "events", "3", "after so many events, an out-of-memory error object inside the 200 stream, then the end", "13"},
		{"error_object", "events", "3", "after so many events, another error object inside the 200 stream, then the end", "13"},
		{"cut", "events", "1", "end the stream cleanly after so many events: no finish_reason, no [DONE]", "12"},
		{"reset", "events", "1", "reset the TCP connection after so many events", ""},
		{"malformed", "events", "3", "after so many events, a line of broken JSON; then go on", "16"},
		{"no_finish", "", "", "all text and [DONE], but no finish_reason", "12"},
		{"no_done", "", "", "leave out [DONE]", "12"},
		{"stall", "events/ms", "3/1000", "after so many events, send nothing for so long, then go on", ""},
		// What the stream says.
		{"empty_first", "ms", "0", "send a chunk with only a role and empty content this long after the request (0: at once)", "1"},
		{"empty_output", "", "", "finish_reason, but no text", "14"},
		{"reasoning", "tokens", "4", "put so many of the tokens into reasoning_content first", "2"},
		{"reasoning_key", "tokens", "4", "the same in the key reasoning", "2"},
		{"multi_token", "tokens", "4", "put so many tokens into each chunk", "9"},
		{"no_usage", "", "", "no usage block anywhere", "15"},
		{"usage_every_chunk", "", "", "cumulative usage in every chunk", "15"},
		{"usage_zero_chunks", "", "", "usage of zeros in every chunk, real figures in the last", "15"},
		{"usage_last_content", "", "", "usage in the last chunk with text, no trailing chunk", "15"},
		{"word_usage", "", "", "usage counts words, as RockchipLlama does", "18"},
		{"short", "tokens", "3", "stop after so many tokens with finish_reason stop", "19"},
		{"truncate_prompt", "tokens", "4096", "cut the prompt silently to so many tokens", "17"},
		{"cached", "tokens", "1024", "report so many cached tokens, and take no time for them", "20"},
		// How the bytes come.
		{"crlf", "", "", "lines end in CR LF", "11"},
		{"nospace", "", "", "data:{ without the space", "11"},
		{"comments", "", "", "a comment, : keep-alive, before every event", "11"},
		{"split", "bytes", "7", "write and flush this many bytes at a time", "11"},
		{"utf8", "", "", "text of multi-byte characters (with split, cut within them)", "11"},
		{"long_line", "bytes", "10485760", "the first chunk with text has this much padding", "11"},
		{"no_trailing_newline", "", "", "nothing after the last byte of the last event", "11"},
		{"event_id_fields", "", "", "event:, id: and retry: fields with every event", "11"},
		{"gzip", "", "", "body compressed with gzip, asked for or not", "11"},
		{"burst", "", "", "two events in one write", "4"},
		// When the bytes come.
		{"slow_headers", "ms", "500", "wait so long with everything, then send headers ahead of the first event", ""},
		{"ttft", "ms", "100", "the first token comes so much later", ""},
		{"slow", "percent", "10", "prefill and decode take so much longer: a known regression", ""},
	}
}

// arg is the argument of a fault: n is the number (of events, tokens, bytes,
// milliseconds or percent), d the pause of stall.
type arg struct {
	n int
	d time.Duration
}

// active are the faults of one request.
type active map[string]arg

func (a active) has(name string) bool { _, ok := a[name]; return ok }

func (a active) ms(name string) time.Duration { return time.Duration(a[name].n) * time.Millisecond }

// at reports whether a fault is due that strikes after a number of events.
func (a active) at(name string, events int) bool {
	v, ok := a[name]
	return ok && v.n == events
}

type rated struct {
	name    string
	arg     arg
	percent float64
}

// parseFaults reads "name[=arg][:percent],…"; without a percentage a fault
// strikes every request.
func parseFaults(list string) ([]rated, error) {
	var out []rated
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		spec, share, rate := strings.Cut(item, ":")
		r := rated{percent: 100}
		if rate {
			p, err := strconv.ParseFloat(strings.TrimSuffix(share, "%"), 64)
			if err != nil || p < 0 || p > 100 {
				return nil, fmt.Errorf("fault %q: %q is no percentage of 0 to 100", item, share)
			}
			r.percent = p
		}
		name, value, _ := strings.Cut(spec, "=")
		var err error
		if r.name, r.arg, err = parseFault(name, value); err != nil {
			return nil, fmt.Errorf("fault %q: %w", item, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseFault(name, value string) (string, arg, error) {
	for _, f := range Faults() {
		if f.Name != name {
			continue
		}
		if f.Arg == "" && value != "" {
			return "", arg{}, fmt.Errorf("%s takes no argument", name)
		}
		if value == "" {
			value = f.Default
		}
		if value == "" {
			return name, arg{}, nil
		}
		count, pause, _ := strings.Cut(value, "/")
		n, err := strconv.Atoi(count)
		if err != nil || n < 0 {
			return "", arg{}, fmt.Errorf("%s wants %s, not %q", name, f.Arg, value)
		}
		a := arg{n: n}
		if strings.Contains(f.Arg, "/") {
			ms, err := strconv.Atoi(strings.TrimSuffix(pause, "ms"))
			if err != nil || ms < 0 {
				return "", arg{}, fmt.Errorf("%s wants %s, not %q", name, f.Arg, value)
			}
			a.d = time.Duration(ms) * time.Millisecond
		}
		if name == "status" && (n < 400 || n > 599) {
			return "", arg{}, fmt.Errorf("status wants 400 to 599, not %d", n)
		}
		if n == 0 && (name == "multi_token" || name == "split") {
			return "", arg{}, fmt.Errorf("%s wants at least 1", name)
		}
		return name, a, nil
	}
	return "", arg{}, fmt.Errorf("unknown fault (mockserver -list names them)")
}

// draw decides which of the configured faults strike this request, and adds
// those of its header, which always strike.
func draw(configured []rated, header string, rng *rand.Rand) (active, error) {
	asked, err := parseFaults(header)
	if err != nil {
		return nil, err
	}
	var a active
	for _, r := range append(configured[:len(configured):len(configured)], asked...) {
		if r.percent < 100 && rng.Float64()*100 >= r.percent {
			continue
		}
		if a == nil {
			a = active{}
		}
		a[r.name] = r.arg
	}
	return a, nil
}
