package capacity

import (
	"errors"
	"fmt"
)

// Plan says where a search looks.
type Plan struct {
	Start      int     // the first load, a multiple of Grain
	Max        int     // the largest load to try, a multiple of Grain and at least Start
	Grain      int     // the smallest difference that matters: 1 user, 256 tokens
	Width      float64 // the bracket's width to reach, as a part of its lower end: 0.05; never less than Grain. At least 0.001
	Confidence float64 // of the whole bracket: 0.95
}

// Users is the plan for the most users, from 1, to 5 % or 1 user.
func Users(most int) Plan {
	return Plan{Start: 1, Max: most, Grain: 1, Width: 0.05, Confidence: 0.95}
}

// Contexts is the plan for the longest context, from 1024 tokens (or most, where that
// is less), to 5 % or 256 tokens; most is rounded down to a multiple of 256.
func Contexts(most int) Plan {
	most = most / 256 * 256
	return Plan{Start: min(1024, most), Max: most, Grain: 256, Width: 0.05, Confidence: 0.95}
}

func (p Plan) check() error {
	switch {
	case p.Grain < 1:
		return fmt.Errorf("capacity: want a grain of 1 or more, got %d", p.Grain)
	case p.Start < p.Grain || p.Start%p.Grain != 0:
		return fmt.Errorf("capacity: want a start that is a multiple of %d, got %d", p.Grain, p.Start)
	case p.Max < p.Start || p.Max%p.Grain != 0:
		return fmt.Errorf("capacity: want a maximum that is a multiple of %d and at least the start of %d, got %d", p.Grain, p.Start, p.Max)
	case p.Max > 1<<40:
		return errors.New("capacity: want a maximum of at most 2^40")
	case !(p.Width >= 0.001 && p.Width <= 1):
		return fmt.Errorf("capacity: want a width from 0.001 to 1, got %v", p.Width)
	case !(p.Confidence > 0 && p.Confidence < 1):
		return fmt.Errorf("capacity: want a confidence between 0 and 1, got %v", p.Confidence)
	}
	return nil
}

// Measured is one step of a search.
type Measured struct {
	X        int // the load: users, or tokens
	Decision Decision
}

// Search is the policy that chooses the loads to try: it doubles from the start until
// one fails (or the maximum is reached), then bisects. Its state is what was recorded,
// so a search that was broken off goes on when its decisions are recorded again.
//
// An undecided step counts as not met: the search goes on below it. It proves nothing
// either, so that the search also goes on above it, for the nearest load that does
// fail.
type Search struct {
	plan  Plan
	steps []Measured
}

// NewSearch starts a search.
func NewSearch(p Plan) (*Search, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return &Search{plan: p}, nil
}

// StepError is the error that each step may have for the bracket to have the plan's
// confidence: what to give to [NewRule].
func (s *Search) StepError() float64 {
	return (1 - s.plan.Confidence) / float64(s.MaxSteps())
}

// Record takes the decision at a load: the one that Next gave or, from an earlier run,
// any other.
func (s *Search) Record(x int, d Decision) {
	s.steps = append(s.steps, Measured{x, d})
}

// Next returns the load to try, or done. It stays the same until it is recorded.
func (s *Search) Next() (x int, done bool) {
	k := s.known()
	if len(s.steps) == 0 {
		return s.plan.Start, false
	}
	if k.fail == 0 {
		switch reached := max(k.pass, k.lastOpen); {
		case reached < s.plan.Start:
			return s.plan.Start, false
		case reached < s.plan.Max:
			return s.align(min(2*reached, s.plan.Max)), false
		}
	}
	if not := k.notMet(); not != 0 && not-k.pass > s.tolerance(k.pass) {
		return s.between(k.pass, not), false
	}
	if k.lastOpen != 0 && k.fail != 0 && k.fail-k.lastOpen > s.tolerance(k.lastOpen) {
		return s.between(k.lastOpen, k.fail), false
	}
	return 0, true
}

// known is what the steps say; 0 stands for none, as no load is 0.
type known struct {
	pass      int // the largest that passes below fail
	fail      int // the smallest that fails
	firstOpen int // the smallest undecided between them
	lastOpen  int // the largest of these
}

// notMet is the smallest load above pass that was not shown to meet the objectives.
func (k known) notMet() int {
	if k.firstOpen != 0 {
		return k.firstOpen
	}
	return k.fail
}

func (s *Search) known() known {
	var k known
	for _, m := range s.steps {
		if m.Decision.Verdict == Fail && (k.fail == 0 || m.X < k.fail) {
			k.fail = m.X
		}
	}
	below := func(x int) bool { return k.fail == 0 || x < k.fail }
	for _, m := range s.steps {
		if m.Decision.Verdict == Pass && below(m.X) {
			k.pass = max(k.pass, m.X)
		}
	}
	for _, m := range s.steps {
		if m.Decision.Verdict == Undecided && m.X > k.pass && below(m.X) {
			k.lastOpen = max(k.lastOpen, m.X)
			if k.firstOpen == 0 || m.X < k.firstOpen {
				k.firstOpen = m.X
			}
		}
	}
	return k
}

// tolerance is the width at which a bracket with this lower end is narrow enough.
func (s *Search) tolerance(lower int) int {
	return max(s.plan.Grain, int(s.plan.Width*float64(lower)))
}

// between halves a gap of more than one grain.
func (s *Search) between(a, b int) int {
	return a + max(s.plan.Grain, s.half(b-a))
}

func (s *Search) half(gap int) int { return gap / 2 / s.plan.Grain * s.plan.Grain }

// align matters only for loads that were recorded and never asked for.
func (s *Search) align(x int) int { return (x + s.plan.Grain - 1) / s.plan.Grain * s.plan.Grain }

// MaxSteps is the most steps that Next can ask for, whatever they say: every doubling,
// then both sides of an undecided load. A usual search takes about half of them.
func (s *Search) MaxSteps() int {
	chain, octave := 1, 0
	for x := s.plan.Start; x < s.plan.Max; x *= 2 {
		chain++
		octave = max(octave, s.halvings(min(2*x, s.plan.Max)-x, x))
	}
	low := max(octave, s.halvings(s.plan.Start, 0))
	return chain + max(gapSteps(low), bothSides(low, octave))
}

// halvings is how many steps it takes to bisect a gap above lower, at most.
func (s *Search) halvings(gap, lower int) int {
	n := 0
	for gap > s.tolerance(lower) {
		gap -= max(s.plan.Grain, s.half(gap))
		n++
	}
	return n
}

// The worst case of a gap that takes n halvings: its middle is undecided, and leaves
// a gap on both sides.
func gapSteps(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + max(gapSteps(n-1), bothSides(n-1, n-1))
}

// bothSides is the worst case of two gaps around an undecided load. A failure in the
// lower one makes the upper one needless.
func bothSides(low, high int) int {
	most := low + upperSide(high)
	for i := range low {
		most = max(most, i+1+gapSteps(low-1-i))
	}
	return most
}

// upperSide is the worst case of a gap between undecided and failed: where its middle
// passes, the rest is a gap between passed and failed.
func upperSide(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + max(upperSide(n-1), gapSteps(n-1))
}
