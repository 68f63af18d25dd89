package metric

import (
	"strings"

	"aibench/harness/record"
)

// Figures are the figures of one request, by unit. What is undefined is absent,
// which is why they are asked for with Get and can't be indexed.
type Figures struct{ m map[string]float64 }

// Get returns the figure of a unit, and whether it is defined.
func (f Figures) Get(unit string) (float64, bool) {
	v, ok := f.m[unit]
	return v, ok
}

// Values returns the figures in the order of the catalogue.
func (f Figures) Values() []Value {
	var vs []Value
	for _, m := range catalogue {
		if v, ok := f.m[m.Unit]; ok {
			vs = append(vs, Value{m.Unit, v})
		}
	}
	return vs
}

// OfRequest computes every figure that is defined for the request, whatever its
// class: the caller decides what a failed request's TTFT may be used for. Stamps
// out of order (an end before its beginning) define nothing.
func OfRequest(r record.Request) Figures {
	f := Figures{make(map[string]float64)}
	for _, m := range catalogue {
		if m.of == nil {
			continue
		}
		if v, ok := m.of(r); ok {
			f.m[m.Unit] = v
		}
	}
	for _, v := range ofGaps(Gaps(r)) {
		f.m[v.Unit] = v.Value
	}
	return f
}

// Estimated tells whether the completion tokens of the request are only a count of
// its chunks. A chunk may carry several tokens: the speeds that follow from such a
// count must be shown as estimates.
func Estimated(r record.Request) bool {
	return r.CompletionTokens.Has() && r.TokenSource == "events"
}

// Gaps returns the times between successive events with text (answer, reasoning or
// tool call), in ns. A gap of 0 is a value: two events can arrive in one segment.
func Gaps(r record.Request) []float64 {
	var gaps []float64
	previous, seen := int64(0), false
	for k := range min(len(r.Events.Kind), len(r.Events.Arrive)) {
		if !strings.ContainsRune("trc", rune(r.Events.Kind[k])) {
			continue
		}
		at := r.Events.Arrive[k]
		if seen {
			gaps = append(gaps, float64(at-previous))
		}
		previous, seen = at, true
	}
	return gaps
}

// span is the time from one instant to another, in ns; undefined where either is
// missing or they are out of order.
func span(from, to record.Opt[int64]) (float64, bool) {
	a, okA := from.Get()
	b, okB := to.Get()
	if !okA || !okB || b < a {
		return 0, false
	}
	return float64(b - a), true
}

// positive is span without 0: what can't take no time at all, or is divided by.
func positive(from, to record.Opt[int64]) (float64, bool) {
	d, ok := span(from, to)
	return d, ok && d > 0
}

// perSecond is n per duration in ns, as a rate per second.
func perSecond(n, ns float64) float64 { return n / ns * 1e9 }

func queue(r record.Request) (float64, bool) { return span(r.Intended, r.Start) }

// A TTFT of 0 is a stamp that was never set, not a fast server.
func ttft(r record.Request) (float64, bool)      { return positive(r.Start, r.First) }
func ttftSched(r record.Request) (float64, bool) { return positive(r.Intended, r.First) }
func ttfa(r record.Request) (float64, bool)      { return positive(r.Start, r.Answer) }
func e2e(r record.Request) (float64, bool)       { return positive(r.Start, r.Last) }

// decodeSpan returns the tokens after the first and their time. With all text in
// one event there is no such time, and neither TPOT nor decode speed: 0 ns a token
// would be as wrong as infinitely many a second.
func decodeSpan(r record.Request) (tokens, ns float64, ok bool) {
	n, known := r.CompletionTokens.Get()
	ns, ok = positive(r.First, r.Last)
	if !known || n < 2 || !ok {
		return 0, 0, false
	}
	return float64(n - 1), ns, true
}

func tpot(r record.Request) (float64, bool) {
	n, ns, ok := decodeSpan(r)
	if !ok {
		return 0, false
	}
	return ns / n, true
}

func decode(r record.Request) (float64, bool) {
	n, ns, ok := decodeSpan(r)
	if !ok {
		return 0, false
	}
	return perSecond(n, ns), true
}

func prefill(r record.Request) (float64, bool) {
	ns, ok := ttft(r)
	// A server that reports no usage leaves our own count of what was sent.
	n := r.PromptTokens.Or(r.PromptSent)
	if !ok || n <= 0 {
		return 0, false
	}
	return perSecond(float64(n), ns), true
}

func prefillUncached(r record.Request) (float64, bool) {
	ns, ok := ttft(r)
	n, known := r.PromptTokens.Get()
	cached, knownToo := r.CachedTokens.Get()
	if !ok || !known || !knownToo || cached > n {
		return 0, false
	}
	return perSecond(float64(n-cached), ns), true
}

func overall(r record.Request) (float64, bool) {
	ns, ok := e2e(r)
	n, known := completionTokens(r)
	if !ok || !known || n == 0 {
		return 0, false
	}
	return perSecond(n, ns), true
}

// count is a token count as a figure.
func count(n record.Opt[int]) (float64, bool) {
	v, ok := n.Get()
	return float64(v), ok
}

func promptTokens(r record.Request) (float64, bool)     { return count(r.PromptTokens) }
func completionTokens(r record.Request) (float64, bool) { return count(r.CompletionTokens) }
func cachedTokens(r record.Request) (float64, bool)     { return count(r.CachedTokens) }

// reported is a duration that the server gave. Servers that did not measure one
// report 0, so 0 is absent.
func reported(ns record.Opt[int64]) (float64, bool) {
	v, ok := ns.Get()
	return float64(v), ok && v > 0
}

func serverLoad(r record.Request) (float64, bool)    { return reported(r.ServerLoad) }
func serverPrefill(r record.Request) (float64, bool) { return reported(r.ServerPrefill) }
func serverDecode(r record.Request) (float64, bool)  { return reported(r.ServerDecode) }
