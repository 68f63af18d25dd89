package client

import (
	"bytes"
	"strings"
)

// framing is how a body is cut into events.
type framing int

const (
	sniff    framing = iota // decided by the first byte
	sse                     // server-sent events
	ndjson                  // one JSON object a line
	document                // one JSON object: a streamed request answered unstreamed
)

// framingOf decides by the content type; what servers send there is not reliable
// enough to decide between SSE and a document.
func framingOf(contentType string, api API) framing {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch {
	case strings.Contains(media, "event-stream"):
		return sse
	case api == Ollama, strings.Contains(media, "ndjson"), strings.Contains(media, "jsonl"):
		return ndjson
	}
	return sniff
}

// decoder turns the bytes of a body into events, however they were split.
type decoder struct {
	lines   lines
	framing framing
	tally   *tally

	// The SSE event being collected.
	data    []byte // its data; aliases the buffer until drain ends
	held    []byte // room for data that outlives the buffer
	parts   int    // data lines so far
	at      int64  // when the last of them was complete
	isError bool   // event: error
	begun   bool   // the stream's first line, which may bear a mark, is past
}

// drain takes in all lines that are complete; at is the instant of the read that
// brought the newest bytes.
func (d *decoder) drain(at int64) {
	if d.framing == sniff && !d.decide() {
		return
	}
	if d.framing == document {
		if len(d.lines.buf) > d.lines.limit {
			d.tally.malformed(d.lines.buf[:d.lines.limit])
		}
		return
	}
	for !d.tally.over {
		line, ok := d.lines.next()
		if !ok {
			break
		}
		d.line(line, at)
	}
	if d.lines.long && !d.tally.over {
		d.tally.malformed(d.lines.rest()[:d.lines.limit])
	}
	if d.parts > 0 {
		d.hold()
	}
}

// decide looks at the first byte that is no white space.
func (d *decoder) decide() bool {
	start := bytes.TrimLeft(d.lines.buf, " \t\r\n")
	if len(start) == 0 {
		return false
	}
	d.framing = sse
	if start[0] == '{' {
		d.framing = document
	}
	return true
}

// finish takes in what the stream's end completes. cut: it ended before the end that
// HTTP had announced.
func (d *decoder) finish(at int64, cut bool) {
	if d.tally.over {
		return
	}
	rest := d.lines.rest()
	switch d.framing {
	case document:
		if !cut {
			d.tally.event(rest, at, false)
		} else {
			d.tally.lastEvent(rest, at)
		}
	case ndjson:
		d.tally.lastEvent(bytes.TrimSpace(rest), at)
	case sse:
		d.finishSSE(rest, at)
	}
}

// finishSSE takes in the unfinished line and dispatches the event that no blank line
// closed. Data that the end cut off in mid-line and that doesn't parse is the stump
// of a truncated stream, not a malformed line.
func (d *decoder) finishSSE(rest []byte, at int64) {
	if rest = d.unmarked(rest); len(rest) > 0 {
		switch name, value := field(rest); name {
		case "data":
			d.add(value, at)
			if !d.isError {
				d.tally.lastEvent(d.data, d.at)
				return
			}
		case "json":
			d.tally.lastEvent(value, at)
		case "error":
			d.tally.event(value, at, true)
		}
	}
	d.dispatch()
}

func (d *decoder) line(line []byte, at int64) {
	if d.framing == ndjson {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			d.tally.event(line, at, false)
		}
		return
	}
	d.sseLine(line, at)
}

var bom = []byte("\xef\xbb\xbf")

func (d *decoder) sseLine(line []byte, at int64) {
	if line = d.unmarked(line); len(line) == 0 {
		d.dispatch()
		return
	}
	name, value := field(line)
	switch name {
	case "data":
		d.add(value, at)
	case "event":
		d.isError = string(value) == "error"
	case "error":
		// llama.cpp's server once sent its errors as a field of that name.
		d.tally.event(value, at, true)
	case "json":
		// An object on a bare line: an error written around the stream's framing.
		d.tally.event(value, at, false)
	case "":
		d.tally.malformed(line)
	}
}

// unmarked drops the byte order mark that the first line may begin with.
func (d *decoder) unmarked(line []byte) []byte {
	if !d.begun {
		d.begun = true
		return bytes.TrimPrefix(line, bom)
	}
	return line
}

// field splits a line, which is not empty, into its name and value. Names we know come back as they are,
// comments and unknown ones as "other", an object without a name as "json", and ""
// for what is no field at all: it must not be skipped silently.
func field(line []byte) (name string, value []byte) {
	if len(line) > 5 && string(line[:5]) == "data:" {
		return "data", unspaced(line[5:])
	}
	if line[0] == '{' {
		return "json", line
	}
	colon := bytes.IndexByte(line, ':')
	key := line
	if colon >= 0 {
		key, value = line[:colon], unspaced(line[colon+1:])
	}
	switch string(key) {
	case "data":
		return "data", value
	case "event":
		return "event", value
	case "error":
		return "error", value
	case "":
		return "other", value
	}
	if !isName(key) {
		return "", nil
	}
	if colon < 0 && string(key) != "id" && string(key) != "retry" {
		return "", nil
	}
	return "other", value
}

// unspaced drops the one space that may stand after the colon.
func unspaced(b []byte) []byte {
	if len(b) > 0 && b[0] == ' ' {
		return b[1:]
	}
	return b
}

func isName(key []byte) bool {
	for _, c := range key {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// add takes a data line; the lines of one event are joined by LF.
func (d *decoder) add(value []byte, at int64) {
	if d.parts > 0 {
		d.hold()
		d.held = append(append(d.held, '\n'), value...)
		value = d.held
	}
	d.data, d.at = value, at
	d.parts++
	if len(d.data) > d.lines.limit {
		d.tally.malformed(d.data[:d.lines.limit])
	}
}

// hold moves data out of the buffer, which the next read overwrites.
func (d *decoder) hold() {
	if len(d.held) == 0 || len(d.data) == 0 || &d.held[0] != &d.data[0] {
		d.held = append(d.held[:0], d.data...)
	}
	d.data = d.held
}

func (d *decoder) dispatch() {
	if d.parts > 0 && len(d.data) > 0 && !d.tally.over {
		d.tally.event(d.data, d.at, d.isError)
	}
	d.data, d.held, d.parts, d.isError = nil, d.held[:0], 0, false
}
