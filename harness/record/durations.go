package record

// The durations of one request. All are plain differences of its instants, in ns, and
// this file is the only place that takes them. An instant that is missing, zero or
// negative did not happen (the epoch lies before the first request, so a real instant
// is positive), and a duration that needs it is absent. So is one that comes out
// negative, or zero where light itself would need longer (TTFT, TTFA, E2E): such a
// figure is a fault of the record and must not enter an average.

// instant is a value that can be an instant.
func instant(o Opt[int64]) (int64, bool) {
	v, ok := o.Get()
	return v, ok && v > 0
}

// between is to-from where both happened and it is at least least.
func between(from, to Opt[int64], least int64) Opt[int64] {
	a, okA := instant(from)
	b, okB := instant(to)
	if !okA || !okB || b-a < least {
		return Opt[int64]{}
	}
	return Some(b - a)
}

// TTFT is the time to first token, first - start, in ns. The first token is the first
// event with generated text of any kind, reasoning included.
func (r *Request) TTFT() Opt[int64] { return between(r.Start, r.First, 1) }

// TTFTSched is the time to first token from the schedule's view, first - intended, in
// ns: with the wait in the client that TTFT leaves out.
func (r *Request) TTFTSched() Opt[int64] { return between(r.Intended, r.First, 1) }

// TTFA is the time to the first answer text, answer - start, in ns; absent where only
// reasoning came.
func (r *Request) TTFA() Opt[int64] { return between(r.Start, r.Answer, 1) }

// E2E is the time until the last generated text, last - start, in ns.
func (r *Request) E2E() Opt[int64] { return between(r.Start, r.Last, 1) }

// Queue is how long the request waited in the client, start - intended, in ns. Zero is
// a value: it did not wait.
func (r *Request) Queue() Opt[int64] { return between(r.Intended, r.Start, 0) }

// TPOT is the time per output token after the first, (last - first) / (tokens - 1), in
// ns. It is absent below 2 tokens, and where all text came at one instant: an answer in
// one piece says nothing about decoding.
func (r *Request) TPOT() Opt[float64] {
	decode, ok := between(r.First, r.Last, 1).Get()
	n, counted := r.CompletionTokens.Get()
	if !ok || !counted || n < 2 {
		return Opt[float64]{}
	}
	return Some(float64(decode) / float64(n-1))
}

// Gaps are the times between successive events with generated text, in ns; nil where
// there are fewer than two. Zero is a value: two events came in one piece. A negative
// one can't be and is left out.
func (r *Request) Gaps() []int64 {
	n := min(len(r.Events.Arrive), len(r.Events.Kind))
	var gaps []int64
	prev, have := int64(0), false
	for k, at := range r.Events.Arrive[:n] {
		switch r.Events.Kind[k] {
		case EventText, EventReasoning, EventTool:
		default:
			continue
		}
		if have && at >= prev {
			if gaps == nil {
				gaps = make([]int64, 0, n-k)
			}
			gaps = append(gaps, at-prev)
		}
		prev, have = at, true
	}
	return gaps
}
