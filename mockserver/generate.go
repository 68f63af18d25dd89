package mockserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// run is one generation under way.
type run struct {
	api     api
	ask     ask
	faults  active
	arrival time.Time
	seq     sequence
	output  int    // tokens that will be generated
	finish  string // finish_reason
	lease   *lease
	cached  int
	noise   [2]float64 // factors on prefill and decode
	prefill time.Duration
	first   time.Time // when the first token is due
	last    time.Time // when the last token was due
}

// generate answers one request for text.
func (s *Server) generate(w http.ResponseWriter, r *http.Request, a api) {
	g := &run{api: a, arrival: time.Now()}
	n := s.count.Add(1)
	s.total.requests.Add(1)
	rng := rand.New(rand.NewPCG(s.options.Seed, n))
	// Drawn always and first, so that a fault more or less leaves them alone.
	for i := range g.noise {
		g.noise[i] = math.Exp(s.profile.Noise * rng.NormFloat64())
	}
	var err error
	if g.faults, err = draw(s.faults, r.Header.Get(HeaderFault), rng); err != nil {
		s.fail(w, a, http.StatusBadRequest, HeaderFault+": "+err.Error())
		return
	}
	if g.ask, err = readAsk(r, a); err != nil {
		s.fail(w, a, http.StatusBadRequest, err.Error())
		return
	}
	if s.refused(w, r, g) || s.loads(w, g) || !s.prepared(w, g) {
		return
	}
	if err := s.admit(r.Context(), g); err != nil {
		if errors.Is(err, errOutOfMemory) {
			s.outOfMemory(w, g)
		}
		return // or the client has gone
	}
	defer s.leave(g)
	e := s.encoder(g, n)
	if g.ask.streams(a) {
		s.stream(w, r, g, e)
	} else {
		s.whole(w, r, g, e)
	}
}

// refused handles the faults that come instead of an answer, and a wrong model.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, g *run) bool {
	f := g.faults
	switch {
	case f.has("drop"):
		panic(http.ErrAbortHandler)
	case f.has("hang"):
		<-r.Context().Done()
	case f.has("status"):
		code := f["status"].n
		s.fail(w, g.api, code, http.StatusText(code))
	case f.has("rate_limit"):
		w.Header().Set("Retry-After", "1")
		s.fail(w, g.api, http.StatusTooManyRequests, "Rate limit reached, please retry after 1 second")
	case f.has("auth"):
		s.fail(w, g.api, http.StatusUnauthorized, "Unauthorized")
	case f.has("oom"):
		g.seq = g.ask.sequence(g.api)
		s.fail(w, g.api, http.StatusInternalServerError, s.oomMessage(g))
	case f.has("kv_exhausted"):
		s.fail(w, g.api, http.StatusInternalServerError, kvMessage[s.profile.Dialect])
	case f.has("context_limit"):
		g.seq = g.ask.sequence(g.api)
		s.contextLimit(w, g, s.profile.MaxModelLen, 0)
	case !s.serves(g.ask.Model):
		s.fail(w, g.api, http.StatusNotFound, fmt.Sprintf(missingModel[s.profile.Dialect], g.ask.Model))
	default:
		return false
	}
	return true
}

// serves: llama.cpp and RockchipLlama answer with what they have loaded.
func (s *Server) serves(model string) bool {
	switch s.profile.Dialect {
	case "vllm":
		return model == "" || model == s.profile.Model
	case "ollama":
		return strings.TrimSuffix(model, ":latest") == s.profile.Model
	}
	return true
}

// prepared counts the prompt and settles the length of the answer; false if it
// has answered with an error.
func (s *Server) prepared(w http.ResponseWriter, g *run) bool {
	p := &s.profile
	g.seq = g.ask.sequence(g.api)
	if g.faults.has("truncate_prompt") {
		g.seq.clip(g.faults["truncate_prompt"].n)
	}
	limit, given := g.ask.limit()
	g.output, g.finish = limit, "length"
	if !given {
		g.output, g.finish = max(p.DefaultOutputTokens, g.ask.MinTokens), "stop"
	}
	room := p.MaxModelLen
	if n := g.ask.Options.NumCtx; n > 0 && g.api.native() {
		room = min(room, n)
	}
	truncate := p.ContextPolicy == "truncate" || p.ContextPolicy == "" && p.Dialect == "ollama"
	if truncate {
		g.seq.clip(room)
	} else {
		needed := g.seq.tokens + 1
		if given && p.Dialect == "vllm" {
			needed = g.seq.tokens + limit
		}
		if needed > room {
			s.contextLimit(w, g, room, limit)
			return false
		}
		g.output = min(g.output, room-g.seq.tokens)
	}
	if g.faults.has("short") && g.faults["short"].n < g.output {
		g.output, g.finish = g.faults["short"].n, "stop"
	}
	if g.faults.has("empty_output") {
		g.output, g.finish = 0, "stop"
	}
	return true
}

// admit waits for memory and takes a place in the line of prefills. What it
// takes, leave gives back.
func (s *Server) admit(ctx context.Context, g *run) error {
	start := g.arrival
	if g.faults.has("slow_headers") {
		start = start.Add(g.faults.ms("slow_headers"))
	}
	lease, err := s.memory.acquire(ctx, &g.seq, g.output)
	if err != nil {
		return err
	}
	if lease.waited {
		start = time.Now()
	}
	g.lease, g.cached = lease, lease.cached
	if v, ok := g.faults["cached"]; ok {
		g.cached = min(v.n, max(0, g.seq.tokens-1))
	}
	p := &s.profile
	seconds := p.RequestOverheadS + p.prefillSeconds(s.layout, g.seq.tokens, g.cached, lease.traffic)
	k := g.noise[0] * s.slower(g)
	overhead := p.wall(p.RequestOverheadS * k)
	g.prefill = p.wall(seconds*k) - overhead
	s.mu.Lock()
	at := start.Add(overhead)
	if at.Before(s.prefillFree) {
		at = s.prefillFree
	}
	g.first = at.Add(g.prefill)
	s.prefillFree = g.first
	s.mu.Unlock()
	g.first = g.first.Add(g.faults.ms("ttft"))
	g.last = g.first
	s.pressure.apply(lease.moves)
	s.pressure.hold(s.inUse(false))
	return nil
}

// leave gives back memory, and the rest of the prefill if the client left
// before it and nobody was in line behind.
func (s *Server) leave(g *run) {
	s.mu.Lock()
	if now := time.Now(); now.Before(g.first) && s.prefillFree.Equal(g.first) {
		s.prefillFree = now
	}
	s.mu.Unlock()
	g.lease.release()
	s.pressure.hold(s.inUse(false))
}

func (s *Server) slower(g *run) float64 { return 1 + float64(g.faults["slow"].n)/100 }

// decodes adds the request to the batch of decoders; the returned function
// takes it out again.
func (s *Server) decodes(g *run) (end func()) {
	kv := s.profile.kvSeconds(s.layout, g.lease.traffic)
	s.mu.Lock()
	s.decoders++
	s.decodingKV += kv
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.decoders--
		s.decodingKV -= kv
		if s.decoders == 0 {
			s.decodingKV = 0 // no dust of rounding
		}
		s.mu.Unlock()
	}
}

// step is the wall time to the next token, with whoever is decoding now.
func (s *Server) step(g *run) time.Duration {
	s.mu.Lock()
	kv := s.decodingKV
	s.mu.Unlock()
	return s.profile.wall(s.profile.stepSeconds(s.layout, kv) * g.noise[1] * s.slower(g))
}

// encoder picks the wire format.
func (s *Server) encoder(g *run, n uint64) encoder {
	model := g.ask.Model
	if model == "" || s.profile.Dialect == "llamacpp" {
		model = s.profile.Model
	}
	if g.api.native() {
		return &native{chat: g.api.chat(), model: quote(model)}
	}
	id := fmt.Sprintf("%016x%08x", s.options.Seed, n)
	if s.profile.Dialect == "ollama" {
		id = strconv.FormatUint(n%1000, 10)
	}
	return newOpenAI(s.profile.Dialect, g.api.chat(), id, model, g.ask.StreamOptions.IncludeUsage)
}

// answer is what there is to report after so many tokens.
func (s *Server) answer(g *run, tokens int) answer {
	a := answer{prompt: g.seq.tokens, cached: g.cached, output: tokens, finish: g.finish,
		prefill: g.prefill, decode: g.last.Sub(g.first), total: g.last.Sub(g.arrival), memory: s.inUse(true)}
	if g.faults.has("no_finish") {
		a.finish = ""
	}
	if g.faults.has("word_usage") {
		a.prompt = g.ask.words()
	}
	return a
}

// whole answers without streaming, when all is done.
func (s *Server) whole(w http.ResponseWriter, r *http.Request, g *run, e encoder) {
	text := newText(g, false)
	if err := s.pace.until(r.Context(), g.first); err != nil {
		return
	}
	g.lease.computed()
	end := s.decodes(g)
	defer end()
	var content, reasoning strings.Builder
	for i := range g.output {
		if i > 0 {
			g.last = g.last.Add(s.step(g))
		}
		if key, word := text.next(); key == "content" {
			content.WriteString(word)
		} else {
			reasoning.WriteString(word)
		}
	}
	if err := s.pace.until(r.Context(), g.last); err != nil {
		return
	}
	a := s.answer(g, g.output)
	a.usage = !g.faults.has("no_usage")
	s.tally(g, g.output)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(e.whole(content.String(), reasoning.String(), a))
}

func (s *Server) tally(g *run, tokens int) {
	s.total.prompt.Add(int64(g.seq.tokens))
	s.total.output.Add(int64(tokens))
}
