package capacity

import (
	"aibench/harness/metric"
	"aibench/harness/record"
)

// StepRequests is the usual cap of a step: enough to tell 90 % from 85 %, which a
// person watching will wait for.
const StepRequests = 1000

// mostUsers bounds a search where nobody has said how many users are of interest.
const mostUsers = 64

// UsersUpTo is [Users] up to the largest of the users that somebody is interested in,
// or up to 64 where that is no more than 1.
func UsersUpTo(interest []int) Plan {
	most := 1
	for _, u := range interest {
		most = max(most, u)
	}
	if most == 1 {
		most = mostUsers
	}
	return Users(most)
}

// Prepare makes a search and the rule of its steps, each of which may cost most
// requests.
func Prepare(os Objectives, p Plan, most int) (*Search, Rule, error) {
	s, err := NewSearch(p)
	if err != nil {
		return nil, Rule{}, err
	}
	r, err := NewRule(os, s.StepError(), most)
	return s, r, err
}

// Record is the result as the journal keeps it. Cell, number and objectives are the
// caller's to fill in.
func (r Result) Record() record.Capacity {
	c := record.Capacity{MaxOK: r.MaxOK, MinFail: r.MinFail, Confidence: r.Confidence, Requests: r.Requests,
		Complete: r.Complete, Steps: []record.CapacityStep{}, Warnings: append([]string{}, r.Warnings...)}
	for _, m := range r.Steps {
		c.Steps = append(c.Steps, record.CapacityStep{Load: m.X, Verdict: m.Decision.Verdict.String(),
			Requests: m.Decision.Requests, Reason: m.Decision.Reason})
	}
	return c
}

// Describe says a recorded bracket in words, as [Result.Describe] does.
func Describe(c record.Capacity, noun string) string {
	r := Result{MaxOK: c.MaxOK, MinFail: c.MinFail, Confidence: c.Confidence, Requests: c.Requests, Steps: make([]Measured, len(c.Steps))}
	return r.Describe(noun)
}

// UserValues are the figures of a search over users; an end that was not found is left
// out.
func UserValues(c record.Capacity) []metric.Value {
	var vs []metric.Value
	if x, ok := c.MaxOK.Get(); ok {
		vs = append(vs, metric.Value{Unit: metric.MaxOKUsers, Value: float64(x)})
	}
	if x, ok := c.MinFail.Get(); ok {
		vs = append(vs, metric.Value{Unit: metric.MinFailUsers, Value: float64(x)})
	}
	return vs
}
