package capacity

import (
	"errors"
	"fmt"
	"math"

	"aibench/harness/record"
	"aibench/harness/stats"
)

// Verdict is what a step says about one load.
type Verdict uint8

// The verdicts of a step.
const (
	Undecided Verdict = iota // neither could be shown within the cap; counts as not met
	Pass                     // every objective is met
	Fail                     // at least one objective is missed
)

func (v Verdict) String() string {
	return [...]string{"undecided", "pass", "fail"}[v]
}

// looks is how often a step looks at its requests at most, if it is not decided
// before. More looks stop earlier and pay for it in certainty per look; between 4
// and 6 the mean length hardly changes.
const looks = 5

// Rule says when a step is decided. Make it with [NewRule].
type Rule struct {
	Objectives Objectives
	Error      float64 // the largest probability with which a step may be decided wrongly, from 0 to 1
	Looks      []int   // requests of the step at which it is looked at, ascending; the last is the cap
}

// NewRule plans the looks of a step with at most most requests. A cap with which an
// objective can't be proven at all is an error that says how many it takes.
func NewRule(os Objectives, stepError float64, most int) (Rule, error) {
	if len(os) == 0 {
		return Rule{}, errors.New("capacity: no objective to decide by")
	}
	if !(stepError > 0 && stepError < 1) {
		return Rule{}, fmt.Errorf("capacity: want a step error between 0 and 1, got %v", stepError)
	}
	least, need := math.MaxInt, 0
	for _, o := range os {
		if err := o.check(); err != nil {
			return Rule{}, fmt.Errorf("capacity: %w", err)
		}
		n := stats.BinomialNeed(o.Share(), 1-stepError/looks)
		if n == 0 {
			return Rule{}, fmt.Errorf("capacity: no number of requests proves %s: want a share below 100%%", o)
		}
		if n > most {
			return Rule{}, fmt.Errorf("capacity: %d requests a step can't prove %s: it takes %d, all meeting it", most, o, n)
		}
		least, need = min(least, n), max(need, n)
	}
	return Rule{Objectives: os, Error: stepError, Looks: planLooks(least, need, most)}, nil
}

// planLooks spaces the looks evenly in the logarithm. The first comes at a third of
// what the least demanding objective takes to pass: nothing passes there, but a load
// far beyond the capacity fails, and such requests are the slowest of all. One look
// is moved to where a step without a miss passes.
func planLooks(least, need, most int) []int {
	first := max(1, least/3)
	var plan []int
	for i := range looks {
		n := int(math.Round(float64(first) * math.Pow(float64(most)/float64(first), float64(i)/(looks-1))))
		if len(plan) == 0 || n > plan[len(plan)-1] {
			plan = append(plan, n)
		}
	}
	for i, n := range plan[:len(plan)-1] {
		if n >= need {
			plan[i] = need
			break
		}
	}
	return plan
}

// Bound is what the requests of a step say about one objective.
type Bound struct {
	Objective Objective
	Count     Count
	Lower     float64 // of the probability that a request meets it, from 0 to 1, at the level of one look
	Upper     float64 // the same from above; for it the unknown count as met
	Verdict   Verdict
	// Need is about how many requests a step would take to decide nine times in ten, if
	// the share seen were the truth; 0: it is decided, or no number can be told.
	Need int
}

// Decision is the outcome of a step.
type Decision struct {
	Verdict  Verdict
	Error    float64  // the largest probability with which such a step is decided wrongly; 0: it can't be wrong
	Requests int      // that it took; 0: it took none
	Bounds   []Bound  // one an objective; nil: it was not decided by counting
	Reason   string   // for people, e.g. "ttft-p90=10s: 61 of 72 meet it, at most 89.4 %"
	Warnings []string // what a reader must know beside it
}

// Step gathers the requests at one load until the rule decides. Requests of other
// loads or of warm-up do not belong into it.
type Step struct {
	rule    Rule
	next    int       // the look to come
	counts  []Count   // an objective
	batches [][]Count // as added
	proven  []bool    // objectives that passed at a look so far; they stay so
	verdict Verdict
}

// Step starts a step.
func (r Rule) Step() *Step {
	return &Step{rule: r, counts: make([]Count, len(r.Objectives)), proven: make([]bool, len(r.Objectives))}
}

// Want returns how many requests to send before the next look; 0 means that the step
// is over.
func (s *Step) Want() int {
	if s.verdict != Undecided || s.next == len(s.rule.Looks) {
		return 0
	}
	return s.rule.Looks[s.next] - s.counts[0].Total
}

// Add takes the records of requests of the step, and how many were sent: one that
// left no record meets nothing. Best is one call a trial, for what requests of one
// trial have in common shows only between calls. It looks once a planned size is
// reached, never in between, for each look costs certainty.
func (s *Step) Add(sent int, rs []record.Request) {
	s.add(tally(sent, rs, s.rule.Objectives))
}

func (s *Step) add(batch []Count) {
	if s.Want() == 0 {
		return
	}
	s.batches = append(s.batches, batch)
	for i, c := range batch {
		s.counts[i].Met += c.Met
		s.counts[i].Unknown += c.Unknown
		s.counts[i].Total += c.Total
	}
	if s.Want() > 0 {
		return
	}
	for s.next < len(s.rule.Looks) && s.rule.Looks[s.next] <= s.counts[0].Total {
		s.next++ // looks that a large batch has passed over are not made up for
	}
	s.look()
}

// passError and failError are the errors of one objective at one look.
func (r Rule) passError() float64 { return r.Error / float64(len(r.Looks)) }
func (r Rule) failError() float64 { return r.passError() / float64(len(r.Objectives)) }

// look decides by tails: a lower bound at level 1-e is at least the share exactly
// where the probability of so many or more, if the share were the truth, is at most e.
func (s *Step) look() {
	all := true
	for i, o := range s.rule.Objectives {
		c := s.counts[i]
		if stats.BinomialAtLeast(c.Met, c.Total, o.Share()) <= s.rule.passError() {
			s.proven[i] = true
		}
		if s.missed(i) {
			s.verdict = Fail
			return
		}
		all = all && s.proven[i]
	}
	if all {
		s.verdict = Pass
	}
}

// missed asks for strictly less than the share, which equals it by right.
func (s *Step) missed(i int) bool {
	c := s.counts[i]
	return !s.proven[i] && stats.BinomialAtMost(c.Met+c.Unknown, c.Total, s.rule.Objectives[i].Share()) < s.rule.failError()
}

// Decision returns the outcome, and whether the step is over. Before that it is what
// is known so far: undecided.
func (s *Step) Decision() (d Decision, over bool) {
	d = Decision{Verdict: s.verdict, Error: s.rule.Error, Requests: s.counts[0].Total, Warnings: s.warnings()}
	for i, o := range s.rule.Objectives {
		c := s.counts[i]
		b := Bound{Objective: o, Count: c,
			Lower: stats.BinomialLower(c.Met, c.Total, 1-s.rule.passError()),
			Upper: stats.BinomialUpper(c.Met+c.Unknown, c.Total, 1-s.rule.failError())}
		switch {
		case s.proven[i]:
			b.Verdict = Pass
		case s.verdict == Fail && s.missed(i):
			b.Verdict = Fail
		case s.Want() == 0 && s.verdict == Undecided && c.Unknown == 0:
			seen, _ := c.Share()
			b.Need = stats.BinomialTrials(o.Share(), seen, 1-s.rule.failError(), 0.9)
		}
		d.Bounds = append(d.Bounds, b)
	}
	d.Reason = d.reason()
	return d, s.Want() == 0
}

// reason names the objective that decided: the first with the step's verdict.
func (d Decision) reason() string {
	for _, b := range d.Bounds {
		if b.Verdict == d.Verdict {
			return b.String()
		}
	}
	return ""
}

// String tells the bounds for people.
func (b Bound) String() string {
	s := fmt.Sprintf("%s: %d of %d meet it", b.Objective, b.Count.Met, b.Count.Total)
	if b.Count.Unknown > 0 {
		s += fmt.Sprintf(", %d can't be told", b.Count.Unknown)
	}
	switch b.Verdict {
	case Pass:
		return s + fmt.Sprintf(", at least %.1f %%", 100*b.Lower)
	case Fail:
		return s + fmt.Sprintf(", at most %.1f %%", 100*b.Upper)
	}
	s += fmt.Sprintf(", between %.1f and %.1f %% where %g %% is wanted", 100*b.Lower, 100*b.Upper, 100*b.Objective.Share())
	if b.Need > 0 {
		s += fmt.Sprintf("; some %d would decide", b.Need)
	}
	return s
}
