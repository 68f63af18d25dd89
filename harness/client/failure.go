package client

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"aibench/harness/record"
)

// Why we ended a request ourselves; the cause of its context.
var (
	errTimeout = errors.New("total limit passed")
	errStall   = errors.New("no event within the stall limit")
	errLinger  = errors.New("stream not closed after its terminator")
)

// errCoding is a content coding that we don't know.
var errCoding = errors.New("content-encoding not understood")

// ownEnd tells which failure our own ending of a request is; "" where it wasn't us.
func ownEnd(ctx context.Context) (record.FailureKind, string) {
	if ctx.Err() == nil {
		return "", ""
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errTimeout):
		return record.FailTimeout, cause.Error()
	case errors.Is(cause, errStall):
		return record.FailStall, cause.Error()
	}
	return record.FailCancel, cause.Error()
}

// sendFailure names the failure of a request that got no answer. connected: it had
// a connection.
func sendFailure(ctx context.Context, err error, connected bool) (record.FailureKind, string) {
	if kind, message := ownEnd(ctx); kind != "" {
		return kind, message
	}
	switch message := err.Error(); {
	case !connected:
		return record.FailDial, message
	case strings.Contains(message, "malformed"):
		return record.FailMalformed, message
	default:
		return record.FailReset, message
	}
}

// readFailure names the failure of a body. cut: it ended, without an error of the
// connection, before the end that HTTP or gzip had announced; that is no failure but
// a stream that ended too early, and stays visible by what it lacks.
func readFailure(ctx context.Context, err error) (kind record.FailureKind, message string, cut bool) {
	if kind, message = ownEnd(ctx); kind != "" {
		return kind, message, false
	}
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "", "", true
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, errCoding),
		strings.Contains(err.Error(), "chunk"):
		return record.FailMalformed, err.Error(), false
	}
	return record.FailReset, err.Error(), false
}

// clip makes a message fit to be recorded: the key cut out, valid UTF-8, and at most
// record.EvidenceLimit bytes.
func (c *Client) clip(message string) string {
	if c.cfg.APIKey != "" {
		message = strings.ReplaceAll(message, c.cfg.APIKey, "[api key]")
	}
	message = strings.ToValidUTF8(message, "\uFFFD")
	if len(message) <= record.EvidenceLimit {
		return message
	}
	end := record.EvidenceLimit
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end]
}

// errorBody reads the beginning of a body that came with a status other than 2xx.
// Where it can't be read the status alone is the message.
func (c *Client) errorBody(resp *http.Response) string {
	// The key may straddle the limit: read so much that it is seen whole.
	limit := int64(record.EvidenceLimit + len(c.cfg.APIKey))
	body, err := plainBody(resp, resp.Body)
	if err != nil {
		return resp.Status
	}
	start, _ := io.ReadAll(io.LimitReader(body, limit))
	if start = bytes.TrimSpace(start); len(start) == 0 {
		return resp.Status
	}
	return c.clip(string(start))
}

// plainBody undoes the content coding. We ask for none, but some proxies code
// without being asked.
func plainBody(resp *http.Response, body io.Reader) (io.Reader, error) {
	switch coding := strings.ToLower(resp.Header.Get("Content-Encoding")); coding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(body)
	default:
		return nil, fmt.Errorf("%w: %s", errCoding, coding)
	}
}
