package metric

import "aibench/harness/record"

// Causes are what sets the dialects of a cell apart: each a median over the trials of
// the median over their ok requests, in ns unless it says otherwise, and absent where no
// request has it.
type Causes struct {
	Requests  int // ok requests
	Estimated int // of them, those whose tokens are counted chunks
	NoAnswer  int // of them, those without any answer text

	Queue        record.Opt[float64] // start - intended
	HeadersLead  record.Opt[float64] // first - headers: how long the answer stood open without text
	ChunkLead    record.Opt[float64] // first - chunk(1): the lead of a chunk without text; 0: the first had text
	Reasoning    record.Opt[float64] // answer - first: the time in which only reasoning came; 0: none did
	FinishLag    record.Opt[float64] // choice(z) - last
	EndLag       record.Opt[float64] // end - last
	PerChunk     record.Opt[float64] // tokens a text chunk; absent where the tokens are counted chunks
	Tokens       record.Opt[float64] // n
	TTFT, E2E    record.Opt[float64] // ours, to hold the others against
	Decode       record.Opt[float64] // ours, tok/s
	ServerDecode record.Opt[float64] // n / server's decode time, tok/s
}

// CausesOf looks at the trials of one cell.
func CausesOf(ts []record.TrialData) Causes {
	gap := func(from, to instant) record.Opt[float64] {
		return figure(func(r record.Request) (float64, bool) { return span(from(r), to(r)) }).cell(ts)
	}
	c := Causes{
		Queue: gap(atIntended, atStart), HeadersLead: gap(atHeaders, atFirst), ChunkLead: gap(atFirstChunk, atFirst),
		Reasoning: gap(atFirst, atAnswer), FinishLag: gap(atLast, atLastChoice), EndLag: gap(atLast, atEnd),
		PerChunk: figure(tokensPerChunk).cell(ts), Tokens: figure(tokens).cell(ts),
		TTFT: figure(ttft).cell(ts), E2E: figure(e2e).cell(ts),
		Decode: figure(decode).cell(ts), ServerDecode: rate(tokens, serverDecode).cell(ts),
	}
	for _, t := range ts {
		for _, r := range t.Requests {
			if r.Outcome == record.OK {
				c.count(r)
			}
		}
	}
	return c
}

func (c *Causes) count(r record.Request) {
	c.Requests++
	if Estimated(r) {
		c.Estimated++
	}
	if !r.Answer.Has() {
		c.NoAnswer++
	}
}

// tokensPerChunk is undefined where n is itself a count of chunks.
func tokensPerChunk(r record.Request) (float64, bool) {
	n, known := tokens(r)
	k, seen := texts(r)
	if !known || !seen || Estimated(r) {
		return 0, false
	}
	return n / k, true
}
