package mockserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
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

func newText(g *run) *text {
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
	words, chunk := newText(g), s.profile.TokensPerChunk
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
		switch a := s.answer(g, count); {
		case g.faults.has("usage_every_chunk"), g.faults.has("usage_last_content") && count == g.output:
			use = o.usage(a)
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

// emitter frames events, damages them as the faults say, and writes them.
type emitter struct {
	server  *Server
	run     *run
	ctx     context.Context
	w       http.ResponseWriter
	control *http.ResponseController
	gzip    *gzip.Writer // nil: not compressed
	sse     bool
	stamp   bool
	events  int // written so far
	buf     []byte
	held    bool // buf has an event that waits for the next: fault burst
	size    int  // bytes a write: fault split; 0: all
}

func (s *Server) newEmitter(w http.ResponseWriter, r *http.Request, g *run) *emitter {
	e := &emitter{server: s, run: g, ctx: r.Context(), w: w, control: http.NewResponseController(w), sse: !g.api.native(),
		stamp: s.options.Stamp || r.Header.Get(HeaderStamp) == "1", size: g.faults["split"].n}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	if !e.sse {
		h.Set("Content-Type", "application/x-ndjson")
	}
	h.Set("Cache-Control", "no-cache")
	if g.faults.has("gzip") {
		h.Set("Content-Encoding", "gzip")
		e.gzip = gzip.NewWriter(w)
	}
	return e
}

// event sends one event, unless a fault has its turn.
func (e *emitter) event(payload []byte, last bool) error {
	if err := e.strike(); err != nil {
		return err
	}
	e.frame(payload, last)
	e.events++
	if e.run.faults.has("burst") && !e.held && !last {
		e.held = true
		return nil
	}
	e.held = false
	return e.write()
}

// strike runs the faults that are due after the events written so far.
func (e *emitter) strike() error {
	f, n := e.run.faults, e.events
	switch {
	case f.at("stall", n):
		if err := e.write(); err != nil {
			return err
		}
		delay := f["stall"].d
		if err := e.server.pace.until(e.ctx, time.Now().Add(delay)); err != nil {
			return err
		}
		e.run.last = e.run.last.Add(delay) // what follows is later, not bunched up
	case f.at("malformed", n):
		e.frame([]byte(`{"id":"broken","choices":[{"index":0,"del`), false)
		return e.write()
	case f.at("oom_stream", n):
		return e.fail(e.server.oomMessage(e.run))
	case f.at("error_object", n):
		return e.fail("EngineCore encountered an issue. See stack trace (above) for the root cause.")
	case f.at("cut", n):
		_ = e.write()
		e.close()
		return errEnded
	case f.at("reset", n):
		_ = e.write()
		e.reset()
		return errEnded
	case f.at("die", n):
		_ = e.write()
		e.server.die(e.server.oomMessage(e.run))
	}
	return nil
}

// fail ends the stream with an error object in it.
func (e *emitter) fail(message string) error {
	e.frame(e.server.errorBody(e.run.api, http.StatusInternalServerError, message), true)
	_ = e.write()
	e.close()
	return errEnded
}

// reset drops the connection so that the client sees ECONNRESET, not an end.
func (e *emitter) reset() {
	conn, _, err := e.control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 or a recorder: abort is the nearest thing
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// frame appends one event to what is to be written.
func (e *emitter) frame(payload []byte, last bool) {
	f, eol, prefix := e.run.faults, "\n", "data: "
	if f.has("crlf") {
		eol = "\r\n"
	}
	if f.has("nospace") {
		prefix = "data:"
	}
	if e.sse && f.has("comments") {
		e.buf = append(e.buf, ": keep-alive"+eol+eol...)
	}
	if e.sse && f.has("event_id_fields") {
		e.buf = append(e.buf, "event: message"+eol+"id: "+strconv.Itoa(e.events)+eol+"retry: 3000"+eol...)
	}
	if e.sse {
		e.buf = append(e.buf, prefix...)
	}
	e.buf = append(e.buf, payload...)
	if e.stamp && bytes.HasSuffix(payload, []byte("}")) {
		e.buf = append(e.buf[:len(e.buf)-1], `,"mock_write_unix_ns":`...)
		e.buf = append(strconv.AppendInt(e.buf, time.Now().UnixNano(), 10), '}')
	}
	if last && f.has("no_trailing_newline") {
		return
	}
	e.buf = append(e.buf, eol...)
	if e.sse {
		e.buf = append(e.buf, eol...)
	}
}

// write sends what is framed and flushes it.
func (e *emitter) write() error {
	if len(e.buf) == 0 {
		return nil
	}
	var to io.Writer = e.w
	if e.gzip != nil {
		to = e.gzip
	}
	size := len(e.buf)
	if e.size > 0 {
		size = e.size
	}
	for rest := e.buf; len(rest) > 0; {
		n := min(size, len(rest))
		if _, err := to.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
		if e.gzip != nil {
			if err := e.gzip.Flush(); err != nil {
				return err
			}
		}
		if err := e.control.Flush(); err != nil {
			return err
		}
	}
	e.buf = e.buf[:0]
	return nil
}

// flush sends the headers ahead of the first event.
func (e *emitter) flush() {
	e.w.WriteHeader(http.StatusOK)
	_ = e.control.Flush()
}

func (e *emitter) close() {
	_ = e.write()
	if e.gzip != nil {
		_ = e.gzip.Close()
	}
}
