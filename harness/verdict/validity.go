package verdict

import (
	"fmt"

	"aibench/harness/record"
)

// Status says whether figures may be believed.
type Status string

// The words of a verdict on a cell.
const (
	Valid        Status = "VALID"
	Invalid      Status = "INVALID"
	Inconclusive Status = "INCONCLUSIVE"
	NotRun       Status = "NOT_RUN" // there are no figures to judge
)

// Validity is the verdict on one cell in one stage.
type Validity struct {
	Status  Status   `json:"validity"`
	Reasons []string `json:"reasons"` // why it is not VALID, worst first; empty for VALID
}

// cacheFloor is the number of cached prompt tokens that proves nothing: a chat
// template's own beginning is the same in every request (two blocks of 16).
const cacheFloor = 32

// Validate judges the counted requests of a cell. A cell that failed is a VALID failure;
// a cell whose work was not the work asked for is INVALID, however fast it was, and so
// is one whose figures are not much larger than the error of the client that took them.
// clock is that error at the cell's load; nil where it was not measured.
func Validate(rs []record.Request, clock *record.CalibrationLevel) Validity {
	rules := []struct {
		breaks func(*record.Request) bool
		reason func(n int, first *record.Request) string
	}{
		{func(r *record.Request) bool { return r.Outcome == record.PromptTruncated },
			func(n int, r *record.Request) string {
				return fmt.Sprintf("prompt truncated by the server in %d of %d requests: %s", n, len(rs), r.Evidence)
			}},
		{promptDiffers, func(n int, r *record.Request) string {
			return fmt.Sprintf("prompt tokens differ from the request by more than 1 %% in %d of %d requests: wanted %d, server counted %d",
				n, len(rs), r.PromptWanted, r.PromptTokens.Or(0))
		}},
		{outputDiffers, func(n int, r *record.Request) string {
			return fmt.Sprintf("output length differs from the pinned %d tokens in %d of %d requests: %d tokens",
				r.OutputWanted, n, len(rs), r.CompletionTokens.Or(0))
		}},
		{unexpectedHit, func(n int, r *record.Request) string {
			return fmt.Sprintf("unexpected cache hit in %d of %d requests: %d of %d prompt tokens came from the cache",
				n, len(rs), r.CachedTokens.Or(0), r.PromptTokens.Or(0))
		}},
	}
	v := Validity{Status: Valid, Reasons: []string{}}
	for _, rule := range rules {
		n, first := 0, (*record.Request)(nil)
		for i := range rs {
			if rule.breaks(&rs[i]) {
				if n++; first == nil {
					first = &rs[i]
				}
			}
		}
		if n > 0 {
			v.Status = Invalid
			v.Reasons = append(v.Reasons, rule.reason(n, first))
		}
	}
	if n := count(rs, cameInBursts); n > 0 {
		v.Status = Invalid
		v.Reasons = append(v.Reasons, fmt.Sprintf("the stream arrived in bursts in %d of %d requests: most of its events came at the instant of another, so gaps and decode speed are not the engine's", n, len(rs)))
	}
	if reasons := clientLimit(rs, clock); len(reasons) > 0 {
		v.Status = Invalid
		v.Reasons = append(v.Reasons, reasons...)
	}
	if n := count(rs, uncounted); n > 0 && v.Status == Valid {
		v.Status = Inconclusive
		v.Reasons = append(v.Reasons, fmt.Sprintf("the server reported no prompt tokens in %d of %d requests: a prompt that it cut short can't be told", n, len(rs)))
	}
	return v
}

func count(rs []record.Request, is func(*record.Request) bool) (n int) {
	for i := range rs {
		if is(&rs[i]) {
			n++
		}
	}
	return n
}

// burstEvents is how many events with text a stream needs to be judged by them.
const burstEvents = 8

// cameInBursts tells whether most events with text arrived together with another: the
// server or something on the way held them back. Some do by chance: two events may share
// a packet.
func cameInBursts(r *record.Request) bool {
	if r.Outcome != record.OK {
		return false
	}
	gaps := r.Gaps()
	if len(gaps)+1 < burstEvents {
		return false
	}
	together := 0
	for _, g := range gaps {
		if g == 0 {
			together++
		}
	}
	return 2*together > len(gaps)
}

// uncounted tells whether nothing but our own count says how long the prompt was.
func uncounted(r *record.Request) bool {
	got, ok := r.PromptTokens.Get()
	return r.Outcome == record.OK && r.PromptWanted > 0 && (!ok || got == 0)
}

// promptDiffers leaves truncation to its own rule, and requests that failed before
// the server could count to their outcome.
func promptDiffers(r *record.Request) bool {
	got, ok := r.PromptTokens.Get()
	if !ok || got == 0 || r.PromptWanted == 0 || r.Outcome == record.PromptTruncated {
		return false
	}
	off := float64(got - r.PromptWanted)
	return off > PromptTolerance*float64(r.PromptWanted) || -off > PromptTolerance*float64(r.PromptWanted)
}

func outputDiffers(r *record.Request) bool {
	got, ok := r.CompletionTokens.Get()
	if !ok || !r.OutputPinned || r.TokenSource == "events" {
		return false
	}
	return (r.Outcome == record.OK || r.Outcome == record.ShortOutput) && got != r.OutputWanted
}

func unexpectedHit(r *record.Request) bool {
	hit, ok := r.CachedTokens.Get()
	return ok && r.Reuse == "" && hit > cacheFloor && float64(hit) > PromptTolerance*float64(r.PromptTokens.Or(0))
}
