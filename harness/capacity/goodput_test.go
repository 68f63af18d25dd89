package capacity_test

import (
	"testing"

	"aibench/harness/capacity"
	"aibench/harness/metric"
	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ms = int64(1e6)

// request is an ok one with the given TTFT and TPOT, of 11 tokens.
func request(ttft, tpot int64) record.Request {
	return record.Request{Outcome: record.OK, Start: record.Some(ms), First: record.Some(ms + ttft),
		Last: record.Some(ms + ttft + 10*tpot), CompletionTokens: record.Some(11)}
}

func failed(r record.Request, class record.Outcome) record.Request {
	r.Outcome = class
	return r
}

func parse(t testing.TB, s string) capacity.Objectives {
	os, err := capacity.Parse(s)
	require.NoError(t, err)
	return os
}

func TestMet(t *testing.T) {
	oneToken := record.Request{Outcome: record.OK, Start: record.Some(ms), First: record.Some(2 * ms),
		Last: record.Some(2 * ms), CompletionTokens: record.Some(1)}
	for _, c := range []struct {
		name       string
		slo        string
		r          record.Request
		met, known bool
	}{
		{"below", "ttft=2s", request(1999*ms, ms), true, true},
		{"at the limit", "ttft=2s", request(2000*ms, ms), true, true},
		{"above", "ttft=2s", request(2000*ms+1, ms), false, true},
		{"the percentile is not of one request", "ttft-p90=2s", request(2000*ms+1, ms), false, true},
		{"fast enough", "decode=20tok/s", request(ms, 50*ms), true, true},
		{"too slow", "decode=20tok/s", request(ms, 51*ms), false, true},
		{"failed fast", "ttft=2s", failed(request(ms, ms), record.TruncatedStream), false, true},
		{"failed without figures", "ttft=2s", record.Request{Outcome: record.Connection}, false, true},
		{"ok", "ok=99%", request(ms, ms), true, true},
		{"not ok", "ok=99%", failed(request(ms, ms), record.ShortOutput), false, true},
		{"one token has no TPOT", "tpot=50ms", oneToken, false, false},
		{"one token has a TTFT", "ttft=2s", oneToken, true, true},
		{"a stamp that was never set", "ttft=2s", record.Request{Outcome: record.OK}, false, false},
	} {
		met, known := parse(t, c.slo)[0].Met(c.r)
		assert.Equal(t, []bool{c.met, c.known}, []bool{met, known}, c.name)
	}
	met, known := capacity.Objective{Unit: metric.PromptTokens, Limit: 5}.Met(request(ms, ms))
	assert.Equal(t, []bool{false, false}, []bool{met, known}, "neither direction of a count is better")
}

func TestGoodput(t *testing.T) {
	noTokens := request(ms, ms)
	noTokens.CompletionTokens = record.Opt[int]{}
	noTokensAndLate := noTokens
	noTokensAndLate.First = record.Some(5000 * ms)
	rs := []record.Request{
		request(100*ms, 10*ms),
		request(3000*ms, 10*ms), // late
		request(100*ms, 60*ms),  // slow
		failed(request(100*ms, 10*ms), record.TruncatedStream),
		noTokens,        // no TPOT: unknown
		noTokensAndLate, // no TPOT, but late: known to miss
	}
	slo := parse(t, "ttft=2s,tpot-p90=50ms")
	assert.Equal(t, capacity.Count{Met: 1, Unknown: 1, Total: 6}, capacity.Goodput(rs, slo))
	assert.Equal(t, capacity.Count{Met: 3, Unknown: 0, Total: 6}, capacity.Goodput(rs, slo[:1]))
	assert.Equal(t, capacity.Count{Met: 5, Total: 6}, capacity.Goodput(rs, nil), "without objectives: the ok ones")
	share, ok := capacity.Goodput(rs, slo).Share()
	assert.True(t, ok)
	assert.InDelta(t, 1.0/6, share, 1e-15)
	_, ok = capacity.Goodput(nil, slo).Share()
	assert.False(t, ok, "of no requests there is no share")
}

func TestGoodputValues(t *testing.T) {
	rs := []record.Request{request(ms, ms), request(3000*ms, ms), failed(request(ms, ms), record.Timeout)}
	second := record.Trial{Start: 1, End: 1 + 2e9, Requests: 4} // one left no record
	assert.Equal(t, []metric.Value{{Unit: metric.Goodput, Value: 25}, {Unit: metric.GoodputRate, Value: 0.5}}, parse(t, "ttft=2s").Values(second, rs))
	assert.Equal(t, []metric.Value{{Unit: metric.Goodput, Value: 0}, {Unit: metric.GoodputRate, Value: 0}}, parse(t, "ttft=1us").Values(second, rs),
		"none is a figure")
	assert.Equal(t, []metric.Value{{Unit: metric.Goodput, Value: 25}}, parse(t, "ttft=2s").Values(record.Trial{Requests: 4}, rs))
	assert.Nil(t, capacity.Objectives(nil).Values(second, rs))
	assert.Nil(t, parse(t, "ttft=2s").Values(record.Trial{}, nil))
	vs := metric.OfTrial(second, rs, parse(t, "ttft=2s").Values(second, rs)...)
	assert.Contains(t, vs, metric.Value{Unit: metric.Goodput, Value: 25})
}

func TestRecord(t *testing.T) {
	search, rule, err := capacity.Prepare(parse(t, "ttft-p90=2s"), capacity.UsersUpTo([]int{1, 2}), capacity.StepRequests)
	require.NoError(t, err)
	for x, done := search.Next(); !done; x, done = search.Next() {
		step := rule.Step()
		for step.Want() > 0 {
			rs := make([]record.Request, step.Want())
			for i := range rs {
				rs[i] = request(int64(x)*1500*ms, ms) // one user has it in 1.5 s, two in 3 s
			}
			step.Add(len(rs), rs)
		}
		d, _ := step.Decision()
		search.Record(x, d)
	}
	r := search.Result()
	c := r.Record()
	assert.Equal(t, []any{record.Some(1), record.Some(2), true, 2}, []any{c.MaxOK, c.MinFail, c.Complete, len(c.Steps)})
	assert.Equal(t, "pass", c.Steps[0].Verdict)
	assert.Equal(t, r.Describe("users"), capacity.Describe(c, "users"))
	assert.Equal(t, []metric.Value{{Unit: metric.MaxOKUsers, Value: 1}, {Unit: metric.MinFailUsers, Value: 2}}, capacity.UserValues(c))
	assert.Empty(t, capacity.UserValues(record.Capacity{}))

	assert.Equal(t, capacity.Users(64), capacity.UsersUpTo([]int{1}))
	assert.Equal(t, capacity.Users(64), capacity.UsersUpTo(nil))
	none, err := capacity.ParseOptional("")
	assert.NoError(t, err)
	assert.Nil(t, none)
}
