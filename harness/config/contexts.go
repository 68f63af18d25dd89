package config

import "slices"

// The sweep without any configuration, in tokens.
const (
	defaultContextStart  = 1024
	defaultContextEnd    = 131072
	defaultContextFactor = 2
	maxContexts          = 1000
)

// ContextList is the resolved sweep in tokens, ascending, each length once: the
// list of Contexts, or the range, whose end is always part of it. It is nil for
// a configuration that Validate refuses.
func (c Config) ContextList() []int {
	if len(c.Contexts) > 0 {
		list := slices.Clone(c.Contexts)
		slices.Sort(list)
		return slices.Compact(list)
	}
	r := c.contextRange()
	if r.start < 1 || r.start > r.end || !r.advances() {
		return nil
	}
	var list []int
	for n, ok := r.start, true; ok && n < r.end; n, ok = r.next(n) {
		if len(list) == maxContexts {
			return nil
		}
		list = append(list, n)
	}
	return append(list, r.end)
}

type contextRange struct {
	start, end, step int
	linear           bool
}

// contextRange is the range with its zeros resolved.
func (c Config) contextRange() contextRange {
	r := contextRange{c.ContextStart, c.ContextEnd, c.ContextStep, c.StepMode == "linear"}
	if r.start == 0 {
		r.start = defaultContextStart
	}
	if r.end == 0 {
		r.end = defaultContextEnd
	}
	if r.step == 0 && !r.linear {
		r.step = defaultContextFactor
	}
	return r
}

// advances tells whether a step leads anywhere.
func (r contextRange) advances() bool {
	return r.step >= 2 || (r.linear && r.step == 1)
}

// next is the length after n; false at the end, also where it would overflow.
func (r contextRange) next(n int) (int, bool) {
	if r.linear {
		return n + r.step, n <= r.end-r.step
	}
	return n * r.step, n <= r.end/r.step
}
