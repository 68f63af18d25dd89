package capacity_test

import (
	"slices"
	"testing"

	"aibench/harness/capacity"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// some ok requests, good of them in time.
func batch(good, late int) []record.Request {
	return slices.Concat(slices.Repeat([]record.Request{request(ms, ms)}, good),
		slices.Repeat([]record.Request{request(60_000*ms, ms)}, late))
}

func rule(t testing.TB, slo string, stepError float64, most int) capacity.Rule {
	r, err := capacity.NewRule(parse(t, slo), stepError, most)
	require.NoError(t, err)
	return r
}

func TestRulePlansItsLooks(t *testing.T) {
	r := rule(t, "ttft-p90=10s", 0.05, 400)
	// 0.9^44 <= 0.05/5: the second look is where a step without a miss passes.
	assert.Equal(t, []int{14, 32, 44, 173, 400}, r.Looks)
	assert.Equal(t, 44, stats.BinomialNeed(0.9, 1-0.05/5))
	for _, most := range []int{44, 45, 46, 60, 10_000} {
		looks := rule(t, "ttft-p90=10s", 0.05, most).Looks
		assert.Equal(t, most, looks[len(looks)-1], "the cap is the last look")
		assert.True(t, slices.IsSorted(looks), "%v", looks)
		assert.LessOrEqual(t, len(looks), 5)
		assert.Len(t, slices.Compact(slices.Clone(looks)), len(looks), "%v", looks)
	}
}

func TestRuleRefuses(t *testing.T) {
	for slo, want := range map[string]string{
		"ok=100%":             "no number of requests proves ok=100%",
		"ok=99%":              "400 requests a step can't prove ok=99%: it takes 459, all meeting it",
		"ttft-p90=10s,ok=99%": "it takes 459",
	} {
		_, err := capacity.NewRule(parse(t, slo), 0.05, 400)
		assert.ErrorContains(t, err, want)
	}
	_, err := capacity.NewRule(nil, 0.05, 400)
	assert.ErrorContains(t, err, "no objective")
	_, err = capacity.NewRule(parse(t, "ttft=2s"), 1, 400)
	assert.ErrorContains(t, err, "step error")
	for _, o := range []capacity.Objective{
		{Unit: metric.PromptTokens, Limit: 1}, {Unit: metric.TTFT}, {Unit: metric.TTFT, Limit: 1, Percentile: record.Some(100.0)},
		{Unit: metric.OKShare, Limit: 90, Percentile: record.Some(90.0)}, {Unit: metric.OKShare, Limit: 101},
	} {
		_, err = capacity.NewRule([]capacity.Objective{o}, 0.05, 400)
		assert.Error(t, err, "%v", o)
	}
}

func TestStepPasses(t *testing.T) {
	s := rule(t, "ttft-p90=10s", 0.05, 400).Step()
	for _, want := range []int{14, 18, 12} {
		require.Equal(t, want, s.Want())
		_, over := s.Decision()
		require.False(t, over)
		s.Add(want, batch(want, 0))
	}
	d, over := s.Decision()
	require.True(t, over)
	assert.Equal(t, capacity.Pass, d.Verdict)
	assert.Equal(t, 44, d.Requests)
	assert.Equal(t, 0.05, d.Error)
	assert.Empty(t, d.Warnings)
	assert.GreaterOrEqual(t, d.Bounds[0].Lower, 0.90)
	assert.Equal(t, "ttft-p90=10s: 44 of 44 meet it, at least 90.1 %", d.Reason)
	s.Add(10, batch(0, 10))
	after, _ := s.Decision()
	assert.Equal(t, d, after, "a decided step takes nothing more")
}

func TestStepFailsEarly(t *testing.T) {
	s := rule(t, "ttft-p90=10s", 0.05, 400).Step()
	s.Add(14, batch(4, 5)) // 5 left no record
	d, over := s.Decision()
	require.True(t, over)
	assert.Equal(t, capacity.Fail, d.Verdict)
	assert.Equal(t, capacity.Count{Met: 4, Total: 14}, d.Bounds[0].Count)
	assert.Less(t, d.Bounds[0].Upper, 0.90)
	assert.Contains(t, d.Reason, "4 of 14 meet it, at most")
}

func TestStepLooksOnlyWherePlanned(t *testing.T) {
	s := rule(t, "ttft-p90=10s", 0.05, 400).Step()
	s.Add(13, batch(0, 13))
	_, over := s.Decision()
	assert.False(t, over, "13 of 13 late would decide, but 14 were planned")
	assert.Equal(t, 1, s.Want())
	s.Add(64, batch(64, 0)) // passes over three looks at once
	assert.Equal(t, 173-77, s.Want())
}

func TestStepUndecidedAtTheCap(t *testing.T) {
	s := rule(t, "ttft-p90=10s", 0.05, 100).Step()
	for s.Want() > 0 {
		n := s.Want()
		late := (n + 9) / 10
		s.Add(n, batch(n-late, late))
	}
	d, over := s.Decision()
	require.True(t, over)
	assert.Equal(t, capacity.Undecided, d.Verdict)
	assert.Equal(t, 100, d.Requests)
	b := d.Bounds[0]
	assert.True(t, b.Lower < 0.9 && 0.9 <= b.Upper, "%v", b)
	assert.Equal(t, stats.BinomialTrials(0.9, 0.88, 0.99, 0.9), b.Need)
	assert.Equal(t, "ttft-p90=10s: 88 of 100 meet it, between 78.4 and 94.4 % where 90 % is wanted; some 3183 would decide", d.Reason)
}

// Requests whose figure is absent decide nothing, in neither direction.
func TestStepUnknown(t *testing.T) {
	unknown := request(ms, ms)
	unknown.CompletionTokens = record.Opt[int]{}
	s := rule(t, "decode=20tok/s", 0.05, 100).Step()
	for s.Want() > 0 {
		s.Add(s.Want(), slices.Repeat([]record.Request{unknown}, s.Want()))
	}
	d, _ := s.Decision()
	assert.Equal(t, capacity.Undecided, d.Verdict)
	assert.Equal(t, []float64{0, 1}, []float64{d.Bounds[0].Lower, d.Bounds[0].Upper})
	assert.Contains(t, d.Reason, "100 can't be told")
}

// All objectives must pass, one is enough to fail.
func TestStepOfSeveralObjectives(t *testing.T) {
	late := func(n, total int) capacity.Decision {
		s := rule(t, "ttft-p90=10s,tpot=50ms", 0.05, 400).Step()
		for s.Want() > 0 {
			w := s.Want()
			k := w * n / total
			s.Add(w, batch(w-k, k))
		}
		d, _ := s.Decision()
		return d
	}
	good := late(0, 1)
	assert.Equal(t, capacity.Pass, good.Verdict)
	assert.Equal(t, []capacity.Verdict{capacity.Pass, capacity.Pass}, []capacity.Verdict{good.Bounds[0].Verdict, good.Bounds[1].Verdict})
	bad := late(1, 2)
	assert.Equal(t, capacity.Fail, bad.Verdict)
	assert.Equal(t, capacity.Fail, bad.Bounds[0].Verdict)
	assert.Contains(t, bad.Reason, "ttft-p90=10s")
}

// Verdicts and printed bounds are two computations of one thing.
func TestBoundsAgreeWithTheVerdict(t *testing.T) {
	r := rule(t, "ttft-p90=10s", 0.05, 60)
	r.Looks = r.Looks[len(r.Looks)-1:] // one look: the classical bounds
	seen := map[capacity.Verdict]int{}
	for met := range 61 {
		s := r.Step()
		s.Add(60, batch(met, 60-met))
		d, over := s.Decision()
		require.True(t, over)
		seen[d.Verdict]++
		assert.Equal(t, stats.BinomialLower(met, 60, 0.95) >= 0.9, d.Verdict == capacity.Pass, "%d", met)
		assert.Equal(t, stats.BinomialUpper(met, 60, 0.95) < 0.9, d.Verdict == capacity.Fail, "%d", met)
	}
	assert.Equal(t, map[capacity.Verdict]int{capacity.Fail: 50, capacity.Undecided: 9, capacity.Pass: 2}, seen)
}

func TestStepWarnsOfRequestsThatResembleEachOther(t *testing.T) {
	run := func(good ...int) []string {
		r := rule(t, "ttft-p50=10s", 0.05, 2000)
		r.Looks = []int{20 * len(good)}
		s := r.Step()
		for _, n := range good {
			s.Add(20, batch(n, 20-n))
		}
		d, _ := s.Decision()
		return d.Warnings
	}
	assert.Empty(t, run(9, 11, 10, 12, 8, 10, 9, 11))
	assert.Contains(t, run(20, 1, 19, 0, 20, 2, 18, 1)[0], "ttft-p50=10s: its share varies between trials 19.2 times")
	assert.Empty(t, run(20, 0), "of two trials nothing can be said")
}
