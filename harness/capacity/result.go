package capacity

import (
	"fmt"
	"slices"
	"strings"

	"aibench/harness/record"
)

// Result is the bracket that a search has found.
type Result struct {
	// MaxOK is the largest load that was shown to meet the objectives, below every one
	// that was shown to miss them; absent: none was.
	MaxOK record.Opt[int]
	// MinFail is the smallest load that was shown to miss them; absent: none was.
	MinFail record.Opt[int]
	// NotMet is the smallest load above MaxOK that counts as not met: MinFail, or an
	// undecided one below it; absent: MaxOK is the plan's maximum, or the search has
	// not come so far.
	NotMet record.Opt[int]
	// Steps are those recorded, in order.
	Steps []Measured
	// Confidence is the least probability, from 0 to 1, that the capacity lies in
	// MaxOK <= capacity < MinFail, if more load is never easier: 1 less the error of
	// all steps that the search may take, or of those it took where that is more.
	Confidence float64
	// Requests of all steps together.
	Requests int
	// Complete tells whether the search had come to its end.
	Complete bool
	// Warnings name what speaks against the bracket, or limits it.
	Warnings []string
}

// Result returns what is known so far.
func (s *Search) Result() Result {
	k := s.known()
	_, done := s.Next()
	r := Result{MaxOK: some(k.pass), MinFail: some(k.fail), NotMet: some(k.notMet()),
		Steps: slices.Clone(s.steps), Complete: done}
	spent := 0.0
	for _, m := range s.steps {
		spent += m.Decision.Error
		r.Requests += m.Decision.Requests
	}
	// The planned error, not that of the steps taken: how many those are depends on
	// what they found, and a bound must not be chosen by its outcome.
	r.Confidence = max(0, 1-max(spent, 1-s.plan.Confidence))
	r.Warnings = s.warnings(k, done)
	return r
}

func some(x int) record.Opt[int] {
	if x == 0 {
		return record.Opt[int]{}
	}
	return record.Some(x)
}

func (s *Search) warnings(k known, done bool) []string {
	var ws []string
	add := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	if !done {
		add("the search has not come to its end: the bracket is wider than it will be")
	}
	if done && k.fail == 0 {
		add("nothing up to the maximum of %d was shown to fail: raise the maximum to find the end", s.plan.Max)
	}
	if done && k.pass == 0 {
		add("not even %d was shown to meet the objectives", k.notMet())
	}
	for _, m := range s.steps {
		if m.Decision.Verdict == Undecided && m.X > k.pass && (k.fail == 0 || m.X < k.fail) {
			add("%d is undecided after %d requests and counts as not met%s: allow more requests a step", m.X, m.Decision.Requests, because(m.Decision.Reason))
		}
	}
	ws = append(ws, s.disorder()...)
	for _, m := range s.steps {
		for _, w := range m.Decision.Warnings {
			add("at %d: %s", m.X, w)
		}
	}
	return ws
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// disorder tells where more load was found to be easier, and where one load gave two
// answers. A load that passed above one that did not is never part of the bracket
// where that one failed; where it was undecided, it is.
func (s *Search) disorder() []string {
	var ws []string
	for _, high := range s.steps {
		if high.Decision.Verdict != Pass {
			continue
		}
		for _, low := range s.steps {
			switch v := low.Decision.Verdict; {
			case v == Pass || low.X > high.X:
			case low.X == high.X && v == Fail:
				ws = append(ws, fmt.Sprintf("%d passed and failed: it counts as failed; repeat the search", low.X))
			case low.X == high.X:
			case v == Fail:
				ws = append(ws, fmt.Sprintf("not monotone: %d passes although %d fails: the bracket holds below %d only", high.X, low.X, low.X))
			case v == Undecided:
				ws = append(ws, fmt.Sprintf("%d passes although %d is undecided: that one is taken to be met", high.X, low.X))
			}
		}
	}
	return ws
}

// Describe says the bracket in words; noun is what the loads are: "users".
func (r Result) Describe(noun string) string {
	var parts []string
	if x, ok := r.MaxOK.Get(); ok {
		parts = append(parts, fmt.Sprintf("%d %s meet the objectives", x, noun))
	}
	if x, ok := r.MinFail.Get(); ok {
		parts = append(parts, fmt.Sprintf("%d %s do not", x, noun))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing was shown")
	}
	return fmt.Sprintf("%s (confidence %g %%, %d steps, %d requests)",
		strings.Join(parts, ", "), 100*r.Confidence, len(r.Steps), r.Requests)
}
