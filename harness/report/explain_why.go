package report

import (
	"fmt"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// notable is the share of a figure from which on what changes it is worth a sentence.
const notable = 0.01

// explanation says in one paragraph why the definitions differ for this cell: what of
// the known causes its requests have, and how much each does.
func explanation(c metric.Causes) string {
	var say []string
	for _, sentence := range []func(metric.Causes) string{
		whyChunks, whyReasoning, whyNoAnswer, whyQueue, whyTokens, whyEnd, whyFirst, whyServer,
	} {
		if s := sentence(c); s != "" {
			say = append(say, s)
		}
	}
	if len(say) == 0 {
		return "Why they differ: they hardly do; nothing in these requests sets the definitions apart by 1 %."
	}
	return "Why they differ: " + strings.Join(say, " ")
}

// shareOf is part as a share of whole, where it is worth a sentence.
func shareOf(part, whole record.Opt[float64]) (float64, bool) {
	p, ok := part.Get()
	w, has := whole.Get()
	if !ok || !has || w <= 0 || p/w < notable {
		return 0, false
	}
	return p / w, true
}

func duration(ns record.Opt[float64]) string { return metric.Format(metric.TTFT, ns.Or(0)) }

// whyChunks: trap 1. A chunk with only a role, or an empty string, is not a token.
func whyChunks(c metric.Causes) string {
	if share, ok := shareOf(c.ChunkLead, c.TTFT); ok {
		return fmt.Sprintf("A chunk without text came %s before the first text: tools that take any chunk for a token report %.1f %% less TTFT.",
			duration(c.ChunkLead), 100*share)
	}
	if share, ok := shareOf(c.HeadersLead, c.TTFT); ok {
		return fmt.Sprintf("The first chunk came with the first text, but the response began %s before it: time to first byte is %.1f %% less than TTFT.",
			duration(c.HeadersLead), 100*share)
	}
	return ""
}

// whyReasoning: trap 2.
func whyReasoning(c metric.Causes) string {
	share, ok := shareOf(c.Reasoning, c.TTFT)
	if !ok {
		return ""
	}
	return fmt.Sprintf("The answer began %s after the first text, reasoning or a tool call: tools that look at the answer alone report %.1f %% more TTFT.",
		duration(c.Reasoning), 100*share)
}

func whyNoAnswer(c metric.Causes) string {
	if c.NoAnswer == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s gave no answer text at all: tools that wait for it have no TTFT of them, or 0.",
		c.NoAnswer, plural(c.Requests, "ok request"))
}

// whyQueue: trap 6.
func whyQueue(c metric.Causes) string {
	share, ok := shareOf(c.Queue, c.TTFT)
	if !ok {
		return ""
	}
	return fmt.Sprintf("Requests waited %s in the client before they started, %.1f %% of TTFT, which only figures from intent show.",
		duration(c.Queue), 100*share)
}

// whyTokens: trap 9. A chunk is not a token.
func whyTokens(c metric.Causes) string {
	var s string
	if c.Estimated > 0 {
		s = fmt.Sprintf("The server gave no token count for %d of %s: their n is the number of chunks, and what follows from it an estimate.",
			c.Estimated, plural(c.Requests, "ok request"))
	}
	per, ok := c.PerChunk.Get()
	if !ok || (per < 1+notable && per > 1-notable) {
		return s
	}
	return strings.TrimSpace(s + fmt.Sprintf(" A text chunk carried %.2f tokens on average: a gap between chunks is not the time of a token, and "+
		"counting chunks finds %.1f %% of the tokens.", per, 100/per))
}

func whyEnd(c metric.Causes) string {
	share, ok := shareOf(c.EndLag, c.E2E)
	if !ok {
		return ""
	}
	s := fmt.Sprintf("The stream stayed open %s after the last text, %.1f %% of the request, which tools that measure to its end count in.",
		duration(c.EndLag), 100*share)
	if _, ok := shareOf(c.FinishLag, c.E2E); ok {
		s += fmt.Sprintf(" Its last chunk with a choice came %s after the last text.", duration(c.FinishLag))
	}
	return s
}

// whyFirst: with the first token or without.
func whyFirst(c metric.Causes) string {
	share, ok := shareOf(c.TTFT, c.E2E)
	n := c.Tokens.Or(0)
	if !ok || n < 2 {
		return ""
	}
	return fmt.Sprintf("TTFT is %.1f %% of the request: a time per token that counts it in spreads it over all %.0f tokens, "+
		"and dividing by n instead of n - 1 takes %.1f %% off.", 100*share, n, 100/n)
}

func whyServer(c metric.Causes) string {
	server, ok := c.ServerDecode.Get()
	ours, has := c.Decode.Get()
	if !ok || !has || ours <= 0 || (server/ours < 1+notable && server/ours > 1-notable) {
		return ""
	}
	return fmt.Sprintf("By its own timer the server decodes %s, the client sees %s: the timers begin and end elsewhere, and the first token is in the server's count.",
		metric.Format(metric.Decode, server), metric.Format(metric.Decode, ours))
}
