package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"aibench/harness/record"
)

// linger is how long a stream may stay open after its terminator before the
// connection is dropped. Reading to the end keeps the connection for the next
// request; waiting for ever would hang on a server that never closes.
const linger = time.Second

// exchange is one request on its way.
type exchange struct {
	c      *Client
	r      *record.Request
	trace  trace
	tally  *tally
	dec    decoder
	buf    *[]byte
	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   context.CancelFunc // of the total limit
	watch  *time.Timer        // stall, then linger; nil: not armed
	why    error              // what watch ends the request with
	event  atomic.Int64       // when the latest event came: the stall limit counts from it
	byUser bool               // an event has a stamp that isn't the kernel's
	latest int64              // instant of the bytes before those at hand
}

// newExchange allocates what the request needs, before its Start.
func newExchange(c *Client, r *record.Request, maxTokens int) *exchange {
	x := &exchange{c: c, r: r, trace: trace{clock: c.clock}, buf: c.buffers.Get().(*[]byte)}
	events := min(maxTokens, 1<<16) + 8
	x.tally = newTally(r, events, c.cfg.KeepText, c.clip)
	x.dec = decoder{tally: x.tally, lines: lines{buf: (*x.buf)[:0], limit: lineLimit}}
	return x
}

func (x *exchange) request(ctx context.Context, body []byte) (*http.Request, error) {
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	if limit := x.c.cfg.Timeout; limit > 0 {
		x.ctx, x.stop = context.WithTimeoutCause(x.ctx, limit, errTimeout)
	}
	ctx = httptrace.WithClientTrace(x.ctx, x.trace.hooks())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = x.c.header.Clone()
	return req, nil
}

// release gives back what the exchange held, on every way out.
func (x *exchange) release() {
	if x.watch != nil {
		x.watch.Stop()
	}
	if x.cancel != nil {
		x.cancel(nil)
	}
	if x.stop != nil {
		x.stop()
	}
	if _, stream := x.trace.source(); stream != nil {
		stream.forget()
	}
	if cap(x.dec.lines.buf) <= bufferKept {
		*x.buf = x.dec.lines.buf[:0]
		x.c.buffers.Put(x.buf)
	}
}

// run sends the request and reads the answer.
func (x *exchange) run(req *http.Request) {
	start := x.c.clock.now()
	x.r.Start, x.tally.start = record.Some(start), start
	resp, err := x.c.transport.RoundTrip(req)
	if err != nil {
		x.end()
		x.tally.fail(x.sendFailure(err))
	} else {
		x.answer(resp)
		// Closing a body that was not read to its end drops the connection.
		_ = resp.Body.Close()
	}
	x.trace.fill(x.r)
	if x.byUser {
		x.r.Stamp = StampUser
	}
	x.tally.fill()
}

func (x *exchange) sendFailure(err error) (record.FailureKind, string) {
	return sendFailure(x.ctx, err, x.trace.connection() != nil)
}

func (x *exchange) end() { x.r.End = record.Some(x.c.clock.now()) }

func (x *exchange) answer(resp *http.Response) {
	x.r.Status = resp.StatusCode
	if resp.StatusCode/100 != 2 {
		if limit := x.c.cfg.StallTimeout; limit > 0 {
			x.arm(limit, errStall)
		}
		message := x.c.errorBody(resp)
		x.end()
		x.tally.fail(record.FailHTTP, message)
		return
	}
	conn, stream := x.trace.source()
	w := &wire{Reader: resp.Body, conn: conn, stream: stream, coded: resp.Header.Get("Content-Encoding") != ""}
	body, err := plainBody(resp, w)
	if err != nil {
		x.end()
		x.broke(err)
		return
	}
	x.dec.framing = framingOf(resp.Header.Get("Content-Type"), x.c.cfg.API)
	x.read(body, w)
}

// broke records the error that opening or reading a body met.
func (x *exchange) broke(err error) (cut bool) {
	if errors.Is(err, io.EOF) {
		return false
	}
	kind, message, cut := readFailure(x.ctx, err)
	if !cut {
		x.tally.fail(kind, message)
	}
	return cut
}

// read takes in the body to its end; w is what brings it.
func (x *exchange) read(body io.Reader, w *wire) {
	for {
		n, err := body.Read(x.dec.lines.room())
		for n > 0 && !x.tally.over {
			k := w.together(n)
			x.dec.lines.filled(k)
			x.take(x.possible(w.last))
			n -= k
		}
		if x.r.Failure != nil {
			x.end()
			return
		}
		if err != nil {
			x.end()
			x.close(err, x.possible(w.last))
			return
		}
	}
}

// possible refuses an instant before the question, and one before its predecessor's:
// where that had to be taken from our clock, it may be later than the kernel's of what
// came next.
func (x *exchange) possible(a arrival) arrival {
	if a.at < x.tally.start {
		a = arrival{at: x.c.clock.now()}
	}
	a.at = max(a.at, x.latest)
	x.latest = a.at
	return a
}

// stampedSince notes whether events from the given one on have a stamp of ours.
func (x *exchange) stampedSince(event int, a arrival) {
	if len(x.tally.kinds) > event && !a.kernel {
		x.byUser = true
	}
}

// take lets the decoder have what was read and winds the watch.
func (x *exchange) take(a arrival) {
	before := len(x.tally.kinds)
	x.dec.drain(a.at)
	x.stampedSince(before, a)
	switch limit := x.c.cfg.StallTimeout; {
	case x.tally.over:
		x.arm(linger, errLinger)
	case limit > 0 && x.tally.texts > 0 && len(x.tally.kinds) > before:
		if x.event.Store(a.at); x.why == nil {
			x.arm(limit, errStall)
		}
	}
}

// close settles how the stream ended.
func (x *exchange) close(err error, a arrival) {
	if x.r.Terminated {
		if errors.Is(context.Cause(x.ctx), errLinger) {
			x.r.End = record.Some(x.tally.doneAt)
		}
		return
	}
	cut := false
	if !errors.Is(err, io.EOF) {
		cut = x.broke(err)
	}
	if x.r.Failure == nil {
		before := len(x.tally.kinds)
		x.dec.finish(a.at, cut)
		x.stampedSince(before, a)
	}
}

// arm starts the watch: when it runs down the request ends with that cause. For a
// stall it isn't wound at each event, which would cost more than parsing one: it runs
// down, sees when the latest event came, and goes on for what is left from there.
func (x *exchange) arm(limit time.Duration, why error) {
	if x.why == why {
		return
	}
	if x.watch != nil {
		x.watch.Stop()
	}
	x.why = why
	x.event.CompareAndSwap(0, x.c.clock.now())
	var watch *time.Timer
	watch = time.AfterFunc(math.MaxInt64, func() {
		left := time.Duration(0)
		if why == errStall {
			left = limit - time.Duration(x.c.clock.now()-x.event.Load())
		}
		switch {
		case x.ctx.Err() != nil:
		case left > 0:
			watch.Reset(left)
		default:
			x.cancel(why)
		}
	})
	watch.Reset(limit) // not before watch is set
	x.watch = watch
}
