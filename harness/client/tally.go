package client

import (
	"bytes"
	"strings"

	"aibench/harness/record"
)

// tally keeps the account of one stream: each event's instant and kind, the text,
// the latest counts, and how it ended.
type tally struct {
	r      *record.Request
	start  int64 // Request.Start
	keep   bool  // the text
	strict bool  // parse every event in full: the template's yardstick in tests

	arrive []int64
	kinds  []byte
	texts  int // events with generated text
	parser parser
	chunk  chunk
	shape  template
	counts counts

	over   bool                // nothing further counts: terminated or failed
	doneAt int64               // when the terminator came
	clip   func(string) string // cuts a message to what may be recorded
	watch  func(data []byte, at int64)
}

func newTally(r *record.Request, events int, keep bool, clip func(string) string) *tally {
	t := &tally{r: r, keep: keep, clip: clip}
	t.arrive = make([]int64, 0, events)
	t.kinds = make([]byte, 0, events)
	if keep {
		t.parser.text = make([]byte, 0, 8*events)
	}
	t.parser.keep = keep
	return t
}

// event takes in one event's data, complete at the given instant.
func (t *tally) event(data []byte, at int64, isError bool) {
	if !t.take(data, at, isError) {
		t.malformed(data)
	}
}

// lastEvent takes in what stood on a line without an end when the stream ended: an
// event if it parses, else the stump of a stream cut short, which is not malformed.
func (t *tally) lastEvent(data []byte, at int64) { t.take(data, at, false) }

func (t *tally) take(data []byte, at int64, isError bool) bool {
	if t.watch != nil {
		t.watch(data, at)
	}
	if isError {
		return t.errorEvent(data)
	}
	if content, ok := t.shape.match(data); ok && !t.strict {
		if t.shape.kind == record.EventText && t.keep {
			t.parser.text = unescape(t.parser.text, content)
		}
		t.count(t.shape.kind, at)
		return true
	}
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return true
	case string(data) == "[DONE]":
		t.terminate(at)
		return true
	}
	return t.parse(data, at)
}

// parse reads an event in full and strictly.
func (t *tally) parse(data []byte, at int64) bool {
	c := &t.chunk
	*c = chunk{}
	before := len(t.parser.text)
	t.parser.scan, t.parser.c = scan{b: data}, c
	if !t.parser.parse() {
		t.parser.text = t.parser.text[:before]
		return false
	}
	t.shape.learn(data, c)
	t.counts.update(&c.counts)
	if c.failed {
		t.fail(record.FailStream, c.words())
		return true
	}
	t.count(c.kind(), at)
	if len(c.finish) > 0 || c.done {
		if !t.r.Done.Has() {
			t.r.Done = record.Some(at)
		}
		if len(c.finish) > 0 {
			t.r.FinishReason = string(unescape(nil, c.finish))
		}
	}
	if c.done {
		t.terminate(at)
	}
	return true
}

// errorEvent takes in what a server marked as an error, whatever its shape.
func (t *tally) errorEvent(data []byte) bool {
	t.chunk = chunk{}
	t.parser.scan, t.parser.c = scan{b: data}, &t.chunk
	message, before := string(data), len(t.parser.text)
	if t.parser.parse() && t.chunk.failed {
		message = t.chunk.words()
	}
	t.parser.text = t.parser.text[:before]
	t.fail(record.FailStream, message)
	return true
}

// words is the error's message as text.
func (c *chunk) words() string {
	if c.escaped {
		return string(unescape(nil, c.message))
	}
	return string(c.message)
}

func (t *tally) count(kind byte, at int64) {
	t.arrive = append(t.arrive, at-t.start)
	t.kinds = append(t.kinds, kind)
	switch kind {
	case record.EventText, record.EventReasoning, record.EventTool:
	default:
		return
	}
	if t.texts++; t.texts == 1 {
		t.r.First = record.Some(at)
	}
	if kind == record.EventText && !t.r.Answer.Has() {
		t.r.Answer = record.Some(at)
	}
	t.r.Last = record.Some(at)
}

func (t *tally) terminate(at int64) {
	t.r.Terminated, t.over, t.doneAt = true, true, at
}

func (t *tally) malformed(line []byte) {
	t.fail(record.FailMalformed, string(line[:min(len(line), record.EvidenceLimit)]))
}

// fail records the first failure. It isn't reached once the stream has terminated.
func (t *tally) fail(kind record.FailureKind, message string) {
	if t.r.Failure != nil {
		return
	}
	t.over = true
	t.r.Failure = &record.Failure{Kind: kind, Message: t.clip(message)}
}

// fill writes the columns, the text and the counts into the record.
func (t *tally) fill() {
	t.r.Events = record.Events{Arrive: t.arrive, Kind: string(t.kinds)}
	if t.keep {
		// Engines send tokens that end within a character. Joined they are whole
		// again; what is not must not break the journal's JSON.
		t.r.Text = strings.ToValidUTF8(string(t.parser.text), "\uFFFD")
	}
	t.counts.fill(t.r, t.texts)
}
