package mockserver

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// errEnded: a fault has ended the stream, or the client has.
var errEnded = errors.New("stream ended")

// text yields the words of an answer, each exactly one token by CountTokens.
// They follow from the prompt alone, so that both stages answer alike.
type text struct {
	rng       *rand.Rand
	words     []string
	n         int
	reasoning int    // tokens of reasoning in front
	key       string // where they go
}

var plainWords = strings.Fields(`the memory of a machine is small and its work is long so each block moves
	between fast and slow places until an answer appears word after word while someone waits for first light
	reads what came before keeps some parts forgets others then asks again about time cost speed or truth`)

var wideWords = strings.Fields(`größe naïve façade 日本語 кошка δέντρο שלום 메모리 señal øre`)

func newText(g *run, instants bool) *text {
	if instants {
		return &text{rng: rand.New(rand.NewPCG(0, 0)), words: []string{noInstant}}
	}
	t := &text{rng: rand.New(rand.NewPCG(g.seq.fingerprint(), 0)), words: plainWords}
	if g.faults.has("utf8") {
		t.words = wideWords
	}
	for fault, key := range map[string]string{"reasoning": "reasoning_content", "reasoning_key": "reasoning"} {
		if v, ok := g.faults[fault]; ok && (g.api.chat() || g.api.native()) {
			t.reasoning, t.key = v.n, key
		}
	}
	return t
}

func (t *text) next() (key, word string) {
	word = t.words[t.rng.IntN(len(t.words))]
	key = "content"
	if t.n < t.reasoning {
		key = t.key
	}
	if t.n != 0 && t.n != t.reasoning {
		word = " " + word
	}
	t.n++
	return key, word
}

// stream sends the answer token by token, each at its instant.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, g *run, e encoder) {
	out := s.newEmitter(w, r, g)
	if g.faults.has("slow_headers") {
		if s.pace.until(r.Context(), g.arrival.Add(g.faults.ms("slow_headers"))) != nil {
			return
		}
		out.flush()
	}
	if s.tokens(r.Context(), g, e, out) != nil {
		return
	}
	a := s.answer(g, g.output)
	a.usage = g.ask.StreamOptions.IncludeUsage || g.api.native() || s.profile.Dialect == "rockchip" ||
		s.profile.Dialect == "llamacpp" && !g.api.chat()
	if g.faults.has("no_usage") || g.faults.has("usage_last_content") {
		a.usage = false
	}
	s.tally(g, g.output)
	events := e.closing(a)
	if d := e.done(); d != "" && !g.faults.has("no_done") {
		events = append(events, []byte(d))
	}
	for i, b := range events {
		if out.event(b, i == len(events)-1) != nil {
			return
		}
	}
	out.close()
}

// tokens sends the opening and the text.
func (s *Server) tokens(ctx context.Context, g *run, e encoder, out *emitter) error {
	if g.faults.has("empty_first") {
		if err := s.pace.until(ctx, g.arrival.Add(g.faults.ms("empty_first"))); err != nil {
			return err
		}
		b := e.opening()
		if b == nil {
			b = e.delta("content", "", "", "")
		}
		if err := out.event(b, false); err != nil {
			return err
		}
	}
	if err := s.pace.until(ctx, g.first); err != nil {
		return err
	}
	g.lease.computed()
	defer s.decodes(g)()
	if b := e.opening(); b != nil && !g.faults.has("empty_first") {
		if err := out.event(b, false); err != nil {
			return err
		}
	}
	words, chunk := newText(g, out.inText), s.profile.TokensPerChunk
	if v, ok := g.faults["multi_token"]; ok {
		chunk = v.n
	}
	var joined []byte
	for i := 0; i < g.output; {
		if i > 0 {
			if err := s.pace.until(ctx, g.last); err != nil {
				return err
			}
		}
		// A chunk of several tokens goes out when its first token is due.
		key, word := words.next()
		joined = append(joined[:0], word...)
		n := 1
		for ; n < chunk && i+n < g.output && words.n != words.reasoning; n++ {
			_, word = words.next()
			joined = append(joined, word...)
		}
		i += n
		if err := out.event(s.chunk(g, e, key, string(joined), i, i == n), false); err != nil {
			return err
		}
		if i == g.output {
			n-- // the last token has no step after it
		}
		g.last = g.last.Add(time.Duration(n) * s.step(g))
	}
	return nil
}

// chunk is the event with a piece of text, after it count tokens in all.
func (s *Server) chunk(g *run, e encoder, key, text string, count int, first bool) []byte {
	finish, use := "", ""
	if count == g.output && e.finishWithText() && !g.faults.has("no_finish") {
		finish = g.finish
	}
	if o, ok := e.(*openAI); ok {
		switch {
		case g.faults.has("usage_every_chunk"), g.faults.has("usage_last_content") && count == g.output:
			use = o.usage(s.answer(g, count))
		case g.faults.has("usage_zero_chunks"):
			use = zeroUsage
		}
	}
	b := e.delta(key, text, finish, use)
	if v, ok := g.faults["long_line"]; ok && first {
		b = withKey(b, "padding", `"`+strings.Repeat("x", v.n)+`"`)
	}
	return b
}
