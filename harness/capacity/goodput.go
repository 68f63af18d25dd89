package capacity

import (
	"aibench/harness/metric"
	"aibench/harness/record"
)

// Count is how many of a number of requests met something.
type Count struct {
	Met     int // proven to
	Unknown int // ok requests that lack a figure the answer depends on
	Total   int // requests, the failed and the unknown included
}

// Share is Met of Total, from 0 to 1, which takes the unknown for not met, and whether
// there was a request at all.
func (c Count) Share() (float64, bool) {
	if c.Total == 0 {
		return 0, false
	}
	return float64(c.Met) / float64(c.Total), true
}

// Goodput counts the requests that keep the limits of all objectives at once. The
// percentiles do not matter here: goodput is what the users of one load got, request
// by request. It is given the counted requests of a trial, without warm-up; one that
// the trial sent and that left no record belongs to the caller's total.
//
// Goodput per second is Met divided by the trial's wall time.
func Goodput(rs []record.Request, os []Objective) Count {
	c := Count{Total: len(rs)}
	for _, r := range rs {
		met, known := metAll(r, os)
		switch {
		case !known:
			c.Unknown++
		case met:
			c.Met++
		}
	}
	return c
}

// Values are the figures of a trial's goodput, for [metric.OfTrial]: the share and the
// rate. There are none without objectives, and no rate where the trial took no time.
func (os Objectives) Values(t record.Trial, rs []record.Request) []metric.Value {
	if len(os) == 0 {
		return nil
	}
	c := Goodput(rs, os)
	c.Total = max(c.Total, t.Requests) // a request that left no record met nothing
	share, ok := c.Share()
	if !ok {
		return nil
	}
	vs := []metric.Value{{Unit: metric.Goodput, Value: 100 * share}}
	if t.End > t.Start {
		vs = append(vs, metric.Value{Unit: metric.GoodputRate, Value: float64(c.Met) / (float64(t.End-t.Start) / 1e9)})
	}
	return vs
}

// metAll is known to be false as soon as one objective is missed.
func metAll(r record.Request, os []Objective) (met, known bool) {
	if r.Outcome != record.OK {
		return false, true
	}
	f := metric.OfRequest(r)
	met, known = true, true
	for _, o := range os {
		m, k := o.metBy(f)
		if k && !m {
			return false, true
		}
		met, known = met && m, known && k
	}
	return met && known, known
}

// tally counts for each objective apart; requests that were sent and left no record
// have met none.
func tally(sent int, rs []record.Request, os []Objective) []Count {
	counts := make([]Count, len(os))
	for i := range counts {
		counts[i].Total = max(sent, len(rs))
	}
	for _, r := range rs {
		if r.Outcome != record.OK {
			continue
		}
		f := metric.OfRequest(r)
		for i, o := range os {
			met, known := o.metBy(f)
			switch {
			case !known:
				counts[i].Unknown++
			case met:
				counts[i].Met++
			}
		}
	}
	return counts
}
