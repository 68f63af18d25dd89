package metric

import (
	"strings"

	"aibench/harness/record"
)

// Symbols explains the symbols that the formulas of dialects have, in lines for people.
const Symbols = `n: completion tokens; p: prompt tokens. The others are instants; (1), (k), (z) are the first, any and the last.
start: request handed over; intended: when the schedule wanted that; headers: first response byte.
chunk: any event of the stream; choice: any but usage alone; text: with generated text of any kind;
answer: with answer text, not reasoning. first = text(1), last = text(z), texts = their number. end: stream closed.`

// instant is an instant of a request; absent if it did not happen.
type instant func(record.Request) record.Opt[int64]

func atIntended(r record.Request) record.Opt[int64]    { return r.Intended }
func atStart(r record.Request) record.Opt[int64]       { return r.Start }
func atHeaders(r record.Request) record.Opt[int64]     { return r.Headers }
func atFirst(r record.Request) record.Opt[int64]       { return r.First }
func atAnswer(r record.Request) record.Opt[int64]      { return r.Answer }
func atLast(r record.Request) record.Opt[int64]        { return r.Last }
func atEnd(r record.Request) record.Opt[int64]         { return r.End }
func atFirstChunk(r record.Request) record.Opt[int64]  { return chunks(r, anyChunk).first }
func atFirstChoice(r record.Request) record.Opt[int64] { return chunks(r, choiceChunk).first }
func atLastChoice(r record.Request) record.Opt[int64]  { return chunks(r, choiceChunk).last }
func atLastAnswer(r record.Request) record.Opt[int64]  { return chunks(r, answerChunk).last }

// Which events of a stream a tool looks at.
func anyChunk(byte) bool         { return true }
func choiceChunk(kind byte) bool { return kind != record.EventUsage }
func answerChunk(kind byte) bool { return kind == record.EventText }
func textChunk(kind byte) bool   { return strings.IndexByte("trc", kind) >= 0 }

// series are the events of a stream that a tool looks at.
type series struct {
	n           int
	first, last record.Opt[int64] // instants; absent without events or without Request.Start
}

func chunks(r record.Request, counts func(kind byte) bool) series {
	var s series
	begin, started := r.Start.Get()
	for k := range min(len(r.Events.Kind), len(r.Events.Arrive)) {
		if !counts(r.Events.Kind[k]) {
			continue
		}
		s.n++
		if !started {
			continue
		}
		s.last = record.Some(begin + r.Events.Arrive[k])
		if !s.first.Has() {
			s.first = s.last
		}
	}
	return s
}

// lasting is the time between two instants; a duration of 0 is a stamp never set.
func lasting(from, to instant) figure {
	return func(r record.Request) (float64, bool) { return positive(from(r), to(r)) }
}

// per divides a time by a count: ns a token.
func per(time, count figure) figure {
	return func(r record.Request) (float64, bool) {
		ns, timed := time(r)
		n, counted := count(r)
		return ns / max(n, 1), timed && counted
	}
}

// rate divides a count by a time: tokens a second.
func rate(count, time figure) figure {
	return func(r record.Request) (float64, bool) {
		ns, timed := time(r)
		n, counted := count(r)
		if !timed || !counted {
			return 0, false
		}
		return perSecond(n, ns), true
	}
}

// meanGap is the mean time between successive events. A gap of 0 is a value: two events
// can come in one piece.
func meanGap(counts func(kind byte) bool) figure {
	return func(r record.Request) (float64, bool) {
		s := chunks(r, counts)
		ns, ok := span(s.first, s.last)
		if !ok || s.n < 2 {
			return 0, false
		}
		return ns / float64(s.n-1), true
	}
}

// less takes 1 off a count, for figures that leave the first token out; a count without
// a second one has none.
func less(count figure) figure {
	return func(r record.Request) (float64, bool) {
		n, ok := count(r)
		return n - 1, ok && n >= 2
	}
}

// tokens is n. A time per no token, and no token a second, are no figures.
func tokens(r record.Request) (float64, bool) {
	n, ok := completionTokens(r)
	return n, ok && n > 0
}

func usageTokens(r record.Request) (float64, bool) {
	n, ok := tokens(r)
	return n, ok && r.TokenSource == "server"
}

// texts counts the chunks with text. A record without its events has no count.
func texts(r record.Request) (float64, bool) {
	n := chunks(r, textChunk).n
	return float64(n), n > 0
}

func uncachedTokens(r record.Request) (float64, bool) {
	n, known := r.PromptTokens.Get()
	cached, knownToo := r.CachedTokens.Get()
	return float64(n - cached), known && knownToo && n > cached
}

func reportedPrompt(r record.Request) (float64, bool) {
	n, ok := promptTokens(r)
	return n, ok && n > 0
}
