package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
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
	body, err := plainBody(resp)
	if err != nil {
		x.end()
		x.broke(err)
		return
	}
	x.dec.framing = framingOf(resp.Header.Get("Content-Type"), x.c.cfg.API)
	x.read(body)
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

// read takes in the body to its end.
func (x *exchange) read(body io.Reader) {
	conn := x.trace.connection()
	for {
		n, err := body.Read(x.dec.lines.room())
		if n > 0 && !x.tally.over {
			x.dec.lines.filled(n)
			x.take(conn.lastRead.Load())
		}
		if x.r.Failure != nil {
			x.end()
			return
		}
		if err != nil {
			x.end()
			x.close(err, conn.lastRead.Load())
			return
		}
	}
}

// take lets the decoder have what was read and winds the watch.
func (x *exchange) take(at int64) {
	before := len(x.tally.kinds)
	x.dec.drain(at)
	switch limit := x.c.cfg.StallTimeout; {
	case x.tally.over:
		x.arm(linger, errLinger)
	case limit > 0 && x.tally.texts > 0 && len(x.tally.kinds) > before:
		x.arm(limit, errStall)
	}
}

// close settles how the stream ended.
func (x *exchange) close(err error, at int64) {
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
		x.dec.finish(at, cut)
	}
}

// arm starts the watch anew: when it runs down the request ends with that cause.
func (x *exchange) arm(limit time.Duration, why error) {
	if x.watch != nil && x.why == why {
		x.watch.Reset(limit)
		return
	}
	if x.watch != nil {
		x.watch.Stop()
	}
	x.why = why
	x.watch = time.AfterFunc(limit, func() { x.cancel(why) })
}
