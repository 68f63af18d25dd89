package metric_test

import (
	"slices"
	"strings"
	"testing"

	"aibench/harness/metric"
	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func get(t *testing.T, vs []metric.Value, unit string) float64 {
	t.Helper()
	i := slices.IndexFunc(vs, func(v metric.Value) bool { return v.Unit == unit })
	require.GreaterOrEqual(t, i, 0, "%s is missing in %v", unit, vs)
	return vs[i].Value
}

func has(vs []metric.Value, unit string) bool {
	return slices.ContainsFunc(vs, func(v metric.Value) bool { return v.Unit == unit })
}

// many returns n ok requests with TTFT 1, 2, 3 … ms.
func many(n int) []record.Request {
	var rs []record.Request
	for i := range n {
		r := full()
		r.First = record.Some(50*ms + int64(i+1)*ms)
		rs = append(rs, r)
	}
	return rs
}

func TestOfTrialOne(t *testing.T) {
	vs := metric.OfTrial(record.Trial{Start: 0, End: 900 * ms, Requests: 1}, []record.Request{full()})
	assert.Equal(t, 100.0, get(t, vs, metric.OKShare))
	assert.Equal(t, 200e6, get(t, vs, metric.TTFT))
	assert.Equal(t, 10.0, get(t, vs, metric.System), "9 tokens in 0.9 s")
	for _, u := range []string{"ttft-p90-ns", "ttft-p95-ns", "ttft-p99-ns", metric.GapP99, metric.Gap} {
		assert.False(t, has(vs, u), u)
	}
}

func TestOfTrialPercentiles(t *testing.T) {
	for _, c := range []struct {
		n    int
		have string
	}{{9, ""}, {10, "90"}, {19, "90"}, {20, "90 95"}, {99, "90 95"}, {100, "90 95 99"}} {
		vs := metric.OfTrial(record.Trial{Start: 0, End: ms, Requests: c.n}, many(c.n))
		var got []string
		for _, p := range []string{"90", "95", "99"} {
			if has(vs, "ttft-p"+p+"-ns") {
				got = append(got, p)
			}
		}
		assert.Equal(t, c.have, strings.Join(got, " "), "%d requests", c.n)
	}
	vs := metric.OfTrial(record.Trial{Start: 0, End: ms, Requests: 100}, many(100))
	assert.Equal(t, 50.5e6, get(t, vs, metric.TTFT))
	assert.InDelta(t, 90.6333e6, get(t, vs, "ttft-p90-ns"), 1e3)
	assert.InDelta(t, 99.6633e6, get(t, vs, "ttft-p99-ns"), 1e3)
}

// Percentiles count the requests that have the figure, not those that were sent.
func TestOfTrialPercentilesCountOK(t *testing.T) {
	rs := many(10)
	rs[0].Outcome = record.Timeout
	vs := metric.OfTrial(record.Trial{Start: 0, End: ms, Requests: 10}, rs)
	assert.False(t, has(vs, "ttft-p90-ns"))
	assert.Equal(t, 90.0, get(t, vs, metric.OKShare))
}

func TestOfTrialLeavesFailedOut(t *testing.T) {
	failed := full()
	failed.Outcome = record.TruncatedStream
	failed.First = record.Some(51 * ms) // 1 ms: would halve the median
	failed.PromptTokens = record.Some(4096)
	vs := metric.OfTrial(record.Trial{Start: 0, End: 900 * ms, Requests: 2}, []record.Request{full(), failed})
	assert.Equal(t, 200e6, get(t, vs, metric.TTFT))
	assert.Equal(t, 50.0, get(t, vs, metric.OKShare))
	assert.Equal(t, 10.0, get(t, vs, metric.System))
	assert.Equal(t, 2548.0, get(t, vs, metric.PromptTokens), "counts are of all")

	vs = metric.OfTrial(record.Trial{Start: 0, End: 900 * ms, Requests: 1}, []record.Request{failed})
	var units []string
	for _, v := range vs {
		units = append(units, v.Unit)
	}
	assert.Equal(t, []string{metric.OKShare, metric.PromptTokens, metric.CompletionToks, metric.CachedTokens}, units)
	assert.Zero(t, get(t, vs, metric.OKShare))
}

func TestOfTrialNothing(t *testing.T) {
	assert.Equal(t, []metric.Value{{Unit: metric.OKShare, Value: 0}}, metric.OfTrial(record.Trial{Requests: 2}, nil), "lost requests are not ok")
	assert.Empty(t, metric.OfTrial(record.Trial{}, nil), "a share of nothing is undefined")
}

func TestSystemNeedsEveryCount(t *testing.T) {
	unknown := full()
	unknown.CompletionTokens = record.Opt[int]{}
	trial := record.Trial{Start: 0, End: 900 * ms, Requests: 2}
	assert.False(t, has(metric.OfTrial(trial, []record.Request{full(), unknown}), metric.System))
	trial.End = 0
	assert.False(t, has(metric.OfTrial(trial, []record.Request{full()}), metric.System), "no wall time")
}

// The wall clock of a trial covers all users: 3 users at once have three times the
// system throughput of one, at the same speed each.
func TestSystemThroughput(t *testing.T) {
	rs := []record.Request{full(), full(), full()}
	vs := metric.OfTrial(record.Trial{Start: 0, End: 900 * ms, Requests: 3}, rs)
	assert.Equal(t, 30.0, get(t, vs, metric.System))
	assert.Equal(t, 20.0, get(t, vs, metric.Decode))
}
