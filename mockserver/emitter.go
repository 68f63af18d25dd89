package mockserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// noInstant holds the place of an instant in a text: as many digits as a wall clock in
// nanoseconds has until the year 2286.
const noInstant = "0000000000000000000"

// emitter frames events, damages them as the faults say, and writes them.
type emitter struct {
	server  *Server
	run     *run
	ctx     context.Context
	w       http.ResponseWriter
	control *http.ResponseController
	gzip    *gzip.Writer // nil: not compressed
	sse     bool
	stamp   bool // "mock_write_unix_ns" in every event
	inText  bool // the instant of writing is the text itself
	events  int  // written so far
	buf     []byte
	held    bool // buf has an event that waits for the next: fault burst
	size    int  // bytes a write: fault split; 0: all
}

func (s *Server) newEmitter(w http.ResponseWriter, r *http.Request, g *run) *emitter {
	e := &emitter{server: s, run: g, ctx: r.Context(), w: w, control: http.NewResponseController(w), sse: !g.api.native(),
		stamp: s.options.Stamp || r.Header.Get(HeaderStamp) == "1", inText: s.options.StampText || r.Header.Get(HeaderStamp) == "text", size: g.faults["split"].n}
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
	if i := len(e.buf) - len(payload); e.inText {
		if at := bytes.Index(e.buf[i:], []byte(noInstant)); at >= 0 {
			copy(e.buf[i+at:], fmt.Sprintf("%0*d", len(noInstant), time.Now().UnixNano()))
		}
	}
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
