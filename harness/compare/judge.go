package compare

import (
	"fmt"
	"math"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
)

// judgeAll corrects the p values of each unit over its cells, then judges.
func judgeAll(rows []Row, cfg Config) {
	family := make(map[string][]*Change)
	for i := range rows {
		for j := range rows[i].Changes {
			if c := &rows[i].Changes[j]; c.P.Has() {
				family[c.Unit] = append(family[c.Unit], c)
			}
		}
	}
	for _, changes := range family {
		ps := make([]float64, len(changes))
		for i, c := range changes {
			ps[i], _ = c.P.Get()
		}
		for i, p := range stats.Holm(ps) {
			changes[i].PHolm = record.Some(p)
		}
	}
	for i := range rows {
		for j := range rows[i].Changes {
			c := &rows[i].Changes[j]
			judge(c, rows[i], len(family[c.Unit]), cfg)
		}
	}
}

// judge gives the verdict on one change; cells is the number of cells that p was
// corrected for.
func judge(c *Change, r Row, cells int, cfg Config) {
	if c.A.N == 0 || c.B.N == 0 {
		c.Note = "no figure on one side"
		return
	}
	if reason := withheld(c.Unit, r); reason != "" {
		c.Verdict, c.Note = Inconclusive, reason
		return
	}
	if within(*c, cfg.Tolerance) {
		c.Verdict = Same
		return
	}
	m, _ := metric.ByUnit(c.Unit)
	if m.Better == "" {
		c.Note = "neither direction is better"
		return
	}
	if c.PHolm.Or(1) < 1-cfg.Level && c.excludesZero() {
		c.Verdict = direction(*c, m.Better)
		return
	}
	c.Verdict = Inconclusive
	c.Trials = trialsNeeded(*c, cells, cfg)
	c.Note = needNote(*c)
}

// withheld says why a change can't be judged however clear it is; empty: it can.
func withheld(unit string, r Row) string {
	var why []string
	for _, s := range []struct {
		name string
		Side
	}{{"A", r.A}, {"B", r.B}} {
		switch {
		case len(s.Invalid) > 0:
			why = append(why, s.name+" is INVALID: "+strings.Join(s.Invalid, "; "))
		case !s.OK && ofSurvivors(unit):
			why = append(why, "requests of "+s.name+" failed, and the figures of the survivors don't stand for it")
		}
	}
	return strings.Join(why, "; ")
}

// ofSurvivors tells whether a unit's figures are of ok requests only.
func ofSurvivors(unit string) bool {
	switch unit {
	case metric.OKShare, metric.PromptTokens, metric.CompletionToks, metric.CachedTokens:
		return false
	}
	return true
}

func within(c Change, tolerance float64) bool {
	lo, okLo := c.Lo.Get()
	hi, okHi := c.Hi.Get()
	return okLo && okHi && lo >= -tolerance && hi <= tolerance
}

// excludesZero also holds where there is no ratio because A has zeros (ok-% of 0
// against 100): there p decides alone.
func (c Change) excludesZero() bool {
	lo, ok := c.Lo.Get()
	hi, _ := c.Hi.Get()
	return !ok || lo > 0 || hi < 0
}

func direction(c Change, better string) Verdict {
	a, _ := c.A.Median.Get()
	b, _ := c.B.Median.Get()
	switch {
	case a == b:
		return Inconclusive
	case (b > a) == (better == metric.Higher):
		return Better
	}
	return Worse
}

// trialsNeeded estimates how many trials a side would lead to better, worse or
// same, if the medians stayed where they are: the interval has to shrink until it
// leaves out 0 or fits into the tolerance, whichever comes first, and p has to be
// able to pass the correction at all.
func trialsNeeded(c Change, cells int, cfg Config) record.Opt[int] {
	least := stats.MinSamples((1 - cfg.Level) / float64(max(1, cells)))
	n := min(c.A.N, c.B.N)
	lo, ok := c.Lo.Get()
	hi, _ := c.Hi.Get()
	point, known := c.Percent.Get()
	if !ok || !known {
		if n < least {
			return record.Some(least)
		}
		return record.Opt[int]{}
	}
	target := math.Max(math.Abs(point), cfg.Tolerance-math.Abs(point))
	need := stats.SamplesFor(n, (hi-lo)/2, target)
	if need == 0 {
		return record.Opt[int]{}
	}
	return record.Some(max(need, least, n+1))
}

func needNote(c Change) string {
	if n, ok := c.Trials.Get(); ok {
		return fmt.Sprintf("about %s trials a side would do", sensible(n))
	}
	return "the values can't be told apart"
}
