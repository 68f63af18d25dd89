package metric

import (
	"aibench/harness/record"
	"aibench/harness/stats"
)

// Value is a figure with its unit.
type Value struct {
	Unit  string
	Value float64 // in Unit
}

// OfTrial returns the values of one trial, given all its requests and no others, in
// the order of the catalogue: those of its benchmark line.
//
//   - ok-% is always there. A request that the trial counts and that left no record
//     is not ok.
//   - Times and speeds are of the ok requests alone: the median over them of each
//     one's figure, and their P90 from 10 figures on, P95 from 20, P99 from 100. A
//     trial without an ok request has none of them.
//   - Gaps are pooled over the ok requests.
//   - system-tok/s, given for a single user too, is the sum of the ok requests'
//     tokens over the wall time of the trial; it is left out if one of them has no
//     count, for then the sum is unknown.
//   - Token counts are medians over all requests that have them, the failed too: a
//     prompt that the server cut short shows in them.
//
// others are figures of the same trial that need more than its requests to be known,
// such as goodput, which needs objectives; they take their places in the order.
//
// What is undefined is left out, never 0. The values are rounded to what package
// testing prints (whole from 1000 on, four significant digits below), so that a
// file rebuilt from the journal equals the one that the suite printed.
func OfTrial(t record.Trial, rs []record.Request, others ...Value) []Value {
	f := Figures{make(map[string]float64)}
	var oks []record.Request
	for _, r := range rs {
		if r.Outcome == record.OK {
			oks = append(oks, r)
		}
	}
	if n := max(t.Requests, len(rs)); n > 0 {
		f.m[OKShare] = 100 * float64(len(oks)) / float64(n)
	}
	for _, m := range base {
		if m.of == nil {
			continue
		}
		of := oks
		if m.count {
			of = rs
		}
		f.addMetric(m, of)
	}
	f.addGaps(oks)
	if v, ok := system(t, oks); ok {
		f.m[System] = v
	}
	for _, v := range others {
		f.m[v.Unit] = v.Value
	}
	vs := f.Values()
	for i := range vs {
		vs[i].Value = printed(vs[i].Value)
	}
	return vs
}

func (f Figures) addMetric(m Metric, rs []record.Request) {
	var xs []float64
	for _, r := range rs {
		if x, ok := m.of(r); ok {
			xs = append(xs, x)
		}
	}
	if len(xs) == 0 {
		return
	}
	f.m[m.Unit] = stats.Median(xs)
	for _, t := range tails {
		if m.tails && len(xs) >= t.from {
			f.m[tailUnit(m.Unit, t)] = stats.Percentile(xs, float64(t.p))
		}
	}
}

func (f Figures) addGaps(rs []record.Request) {
	var gaps []float64
	for _, r := range rs {
		gaps = append(gaps, Gaps(r)...)
	}
	for _, v := range ofGaps(gaps) {
		f.m[v.Unit] = v.Value
	}
}

func ofGaps(gaps []float64) []Value {
	if len(gaps) == 0 {
		return nil
	}
	vs := []Value{{GapP50, stats.Median(gaps)}, {GapMax, stats.Max(gaps)}}
	if len(gaps) >= 100 {
		vs = append(vs, Value{GapP99, stats.Percentile(gaps, 99)})
	}
	return vs
}

func system(t record.Trial, oks []record.Request) (float64, bool) {
	if len(oks) == 0 || t.End <= t.Start {
		return 0, false
	}
	var sum float64
	for _, r := range oks {
		n, ok := completionTokens(r)
		if !ok {
			return 0, false
		}
		sum += n
	}
	return perSecond(sum, float64(t.End-t.Start)), true
}
