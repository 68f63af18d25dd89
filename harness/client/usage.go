package client

import "aibench/harness/record"

// counts are the server's own figures, as one chunk gives them. Absent is not zero:
// servers send zeros where they mean "not yet" (Ollama 0.6.5, in every chunk).
type counts struct {
	prompt, completion, cached record.Opt[int64]
	load, prefill, decode      record.Opt[int64] // ns
}

func (n *counts) any() bool {
	return n.prompt.Has() || n.completion.Has() || n.cached.Has() ||
		n.load.Has() || n.prefill.Has() || n.decode.Has()
}

// update lays newer figures over n: usage in every chunk is cumulative, so the last
// one counts. A zero replaces nothing, except that nothing cached is a figure.
func (n *counts) update(m *counts) {
	positive := func(old *record.Opt[int64], v record.Opt[int64]) {
		if v.Or(0) > 0 || (v.Has() && !old.Has()) {
			*old = v
		}
	}
	positive(&n.prompt, m.prompt)
	positive(&n.completion, m.completion)
	positive(&n.load, m.load)
	positive(&n.prefill, m.prefill)
	positive(&n.decode, m.decode)
	if m.cached.Has() {
		n.cached = m.cached
	}
}

// fill writes the figures into the record. texts is the number of events with
// generated text: it is the count of last resort, and with text seen a server's 0
// is no count.
func (n *counts) fill(r *record.Request, texts int) {
	r.PromptTokens = tokens(n.prompt, false)
	r.CachedTokens = tokens(n.cached, true)
	r.CompletionTokens = tokens(n.completion, texts == 0)
	switch {
	case r.CompletionTokens.Has():
		r.TokenSource = "server"
	case texts > 0:
		r.CompletionTokens, r.TokenSource = record.Some(texts), "events"
	}
	r.ServerLoad, r.ServerPrefill, r.ServerDecode = nonZero(n.load), nonZero(n.prefill), nonZero(n.decode)
}

func tokens(v record.Opt[int64], zero bool) record.Opt[int] {
	if n, ok := v.Get(); ok && (n > 0 || zero) {
		return record.Some(int(n))
	}
	return record.Opt[int]{}
}

func nonZero(v record.Opt[int64]) record.Opt[int64] {
	if v.Or(0) == 0 {
		return record.Opt[int64]{}
	}
	return v
}

// figure reads a number, times scale; anything else leaves v alone.
func (p *parser) figure(v *record.Opt[int64], scale float64) {
	if f, ok := p.number(); ok && f*scale < 1<<62 {
		*v = record.Some(int64(f*scale + 0.5))
	}
}

const msToNs = 1e6

// usage reads OpenAI's block with what engines add to it. RockchipLlama gives the
// runtime's own counts beside words-in-text as prompt_tokens: the runtime's win.
func (p *parser) usage() {
	n := &p.c.counts
	var prefilled, generated record.Opt[int64]
	p.keys(func(k []byte) bool {
		switch string(k) {
		case "prompt_tokens":
			p.figure(&n.prompt, 1)
		case "completion_tokens":
			p.figure(&n.completion, 1)
		case "prompt_tokens_details":
			p.keys(func(k []byte) bool {
				if string(k) != "cached_tokens" {
					return false
				}
				p.figure(&n.cached, 1)
				return true
			})
		case "prefill_tokens":
			p.figure(&prefilled, 1)
		case "generate_tokens":
			p.figure(&generated, 1)
		case "prefill_time_ms":
			p.figure(&n.prefill, msToNs)
		case "generate_time_ms":
			p.figure(&n.decode, msToNs)
		default:
			return false
		}
		return true
	})
	if prefilled.Or(0) > 0 {
		n.prompt = prefilled
	}
	if generated.Or(0) > 0 {
		n.completion = generated
	}
}

// timings reads llama.cpp's block. Its prompt_n leaves out what came from the cache,
// so it is a prompt's length only together with cache_n. usage, where there, wins:
// timings fill what it left open.
func (p *parser) timings() {
	var cached, prompt, predicted record.Opt[int64]
	n := &p.c.counts
	p.keys(func(k []byte) bool {
		switch string(k) {
		case "cache_n":
			p.figure(&cached, 1)
		case "prompt_n":
			p.figure(&prompt, 1)
		case "prompt_ms":
			p.figure(&n.prefill, msToNs)
		case "predicted_n":
			p.figure(&predicted, 1)
		case "predicted_ms":
			p.figure(&n.decode, msToNs)
		default:
			return false
		}
		return true
	})
	if !n.completion.Has() {
		n.completion = predicted
	}
	if !cached.Has() {
		return
	}
	if !n.cached.Has() {
		n.cached = cached
	}
	if !n.prompt.Has() && prompt.Has() {
		n.prompt = record.Some(cached.Or(0) + prompt.Or(0))
	}
}

// ollamaCount reads a figure of Ollama's last line; false: key is none of them. Its
// durations are ns. prompt_eval_count is missing in old versions when the whole
// prompt was cached: absent, not 0.
func (p *parser) ollamaCount(k []byte) bool {
	n := &p.c.counts
	switch string(k) {
	case "prompt_eval_count":
		p.figure(&n.prompt, 1)
	case "eval_count":
		p.figure(&n.completion, 1)
	case "load_duration":
		p.figure(&n.load, 1)
	case "prompt_eval_duration":
		p.figure(&n.prefill, 1)
	case "eval_duration":
		p.figure(&n.decode, 1)
	default:
		return false
	}
	return true
}
