package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"aibench/harness/stats"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedianCI(t *testing.T) {
	ci := stats.MedianCI([]float64{6, 5, 4, 3, 2, 1}, 0.95)
	assert.True(t, ci.OK)
	assert.Equal(t, []float64{1, 6}, []float64{ci.Lo, ci.Hi})
	assert.InDelta(t, 1-2.0/64, ci.Level, 1e-12)

	for level, need := range map[float64]int{0.95: 6, 0.99: 8, 0.5: 2, 0.9: 5, 1: 0} {
		few := stats.MedianCI([]float64{1}, level)
		assert.False(t, few.OK)
		assert.True(t, math.IsNaN(few.Lo))
		assert.Equal(t, need, few.Need, "%v", level)
		if need == 0 {
			continue
		}
		assert.True(t, stats.MedianCI(make([]float64, need), level).OK, "%v", level)
		assert.False(t, stats.MedianCI(make([]float64, need-1), level).OK, "%v", level)
	}
	assert.Equal(t, 6, stats.MedianCI(nil, 0.95).Need)
}

func TestRatioCISmall(t *testing.T) {
	// 4 and 4: k = 1, the extreme ratios, 1 - 2/70.
	ci := stats.RatioCI([]float64{1, 2, 4, 5}, []float64{10, 20, 30, 40}, 0.95)
	assert.True(t, ci.OK)
	assert.Equal(t, []float64{2, 40}, []float64{ci.Lo, ci.Hi})
	assert.InDelta(t, 1-2.0/70, ci.Level, 1e-12)

	few := stats.RatioCI([]float64{1, 2, 3}, []float64{1, 2, 3}, 0.95)
	assert.False(t, few.OK)
	assert.Equal(t, 4, few.Need)
	assert.Equal(t, 4, stats.RatioCI(nil, nil, 0.95).Need)
	assert.Equal(t, 5, stats.RatioCI([]float64{1}, []float64{1}, 0.99).Need)
}

func TestRatioCIRefuses(t *testing.T) {
	good := []float64{1, 2, 3, 4, 5, 6}
	for name, bad := range map[string]float64{"zero": 0, "negative": -1, "infinite": math.Inf(1), "nan": math.NaN()} {
		a := append(slices.Clone(good), bad)
		ci := stats.RatioCI(a, good, 0.95)
		assert.False(t, ci.OK, name)
		assert.Zero(t, ci.Need, "%s: more values are no remedy", name)
		if name != "zero" {
			assert.False(t, stats.RatioCI(good, a, 0.95).OK, name)
		}
	}
	zeros := stats.RatioCI(good, make([]float64, 6), 0.95)
	assert.True(t, zeros.OK)
	assert.Zero(t, zeros.Hi)
	_, ok := stats.MinDetectable(good, make([]float64, 6), 0.95)
	assert.False(t, ok, "a ratio of 0 has no logarithm")
}

// The interval is the test turned round: a factor lies in it if and only if the
// test does not reject it.
func TestRatioCIInvertsTheTest(t *testing.T) {
	r := random(4)
	for i := range 110 {
		n, m := 4+r.IntN(6), 4+r.IntN(6)
		if i >= 100 { // where both take the normal approximation
			n, m = 51+r.IntN(20), 20+r.IntN(60)
		}
		a, b := sample(r, n, 1, 0.3), sample(r, m, 1.2, 0.3)
		ci := stats.RatioCI(a, b, 0.95)
		require.True(t, ci.OK)
		for _, f := range []struct {
			factor float64
			inside bool
		}{{ci.Lo * 1.000001, true}, {ci.Lo * 0.999999, false}, {ci.Hi * 0.999999, true}, {ci.Hi * 1.000001, false}} {
			p := stats.MannWhitney(scaled(a, f.factor), b)
			require.Equal(t, f.inside, p > 0.05, "factor %v p %v", f.factor, p)
		}
	}
}

func TestRatioCIProperties(t *testing.T) {
	r := random(5)
	for range 200 {
		a, b := sample(r, 5+r.IntN(8), 1, 0.3), sample(r, 5+r.IntN(8), 1.1, 0.3)
		ci := stats.RatioCI(a, b, 0.95)
		back := stats.RatioCI(b, a, 0.95)
		require.InDelta(t, 1/ci.Hi, back.Lo, 1e-12, "swapping the sides inverts the ratio")
		require.InDelta(t, 1/ci.Lo, back.Hi, 1e-12)
		milli := stats.RatioCI(scaled(a, 1e-3), scaled(b, 1e-3), 0.95)
		require.InDelta(t, ci.Lo, milli.Lo, 1e-12, "the unit does not matter")
		twice := stats.RatioCI(a, scaled(b, 2), 0.95)
		require.InDelta(t, 2*ci.Hi, twice.Hi, 1e-9)
		require.GreaterOrEqual(t, ci.Level, 0.95)
		narrow := stats.RatioCI(a, b, 0.8)
		require.True(t, narrow.Lo >= ci.Lo && narrow.Hi <= ci.Hi, "more certainty, more width")
		mid := stats.Ratio(a, b)
		require.True(t, ci.Lo <= mid && mid <= ci.Hi)
	}
}

// Across the limit of the exact distribution nothing may jump.
func TestRatioCILarge(t *testing.T) {
	r := random(6)
	a, b := sample(r, 60, 1, 0.2), sample(r, 60, 1.3, 0.2)
	exact, approx := stats.RatioCI(a[:50], b[:50], 0.95), stats.RatioCI(a[:51], b[:51], 0.95)
	require.True(t, exact.OK && approx.OK)
	assert.InDelta(t, exact.Lo, approx.Lo, 0.02)
	assert.InDelta(t, exact.Hi, approx.Hi, 0.02)
	assert.InDelta(t, 0.95, approx.Level, 0.005)
	assert.GreaterOrEqual(t, approx.Level, 0.95)
}

// covered is the share of n simulated experiments whose interval contains the true
// ratio.
func covered(r *rand.Rand, n, size int, factor float64) float64 {
	hit := 0
	for range n {
		ci := stats.RatioCI(sample(r, size, 1, 0.15), sample(r, size, factor, 0.15), 0.95)
		if ci.OK && ci.Lo <= factor && factor <= ci.Hi {
			hit++
		}
	}
	return float64(hit) / float64(n)
}

func TestRatioCICoverage(t *testing.T) {
	// 2000 draws: standard error 0.5 %. Of 6 values a side the exact level is 95.9 %.
	got := covered(random(8), 2000, 6, 1.25)
	assert.InDelta(t, 0.959, got, 0.015)
}

// BenchmarkRatioCICoverage shows what the interval covers:
//
//	go test -run '^$' -bench Coverage -benchtime 20000x ./harness/stats
func BenchmarkRatioCICoverage(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"n=4", 4}, {"n=6", 6}, {"n=10", 10}, {"n=20", 20}} {
		b.Run(size.name, func(b *testing.B) {
			r := random(9)
			hit, n := 0.0, 0
			for b.Loop() {
				hit += covered(r, 1, size.n, 1.25)
				n++
			}
			b.ReportMetric(100*hit/float64(n), "covered-%")
		})
	}
}

// An effect of the size MinDetectable is shown about as often as it promises.
func TestMinDetectablePower(t *testing.T) {
	r := random(10)
	for _, size := range []int{6, 12} {
		var effects []float64
		for range 300 {
			e, ok := stats.MinDetectable(sample(r, size, 1, 0.1), sample(r, size, 1, 0.1), 0.95)
			require.True(t, ok)
			effects = append(effects, e)
		}
		shown := 0
		const n = 1000
		for range n {
			if stats.MannWhitney(sample(r, size, 1, 0.1), sample(r, size, 1+stats.Median(effects), 0.1)) < 0.05 {
				shown++
			}
		}
		t.Logf("n=%d: effect %.1f %% shown in %.1f %%", size, 100*stats.Median(effects), 100*float64(shown)/n)
		assert.InDelta(t, stats.Power, float64(shown)/n, 0.1, "n=%d", size)
	}
}

func TestMinDetectableProperties(t *testing.T) {
	r := random(11)
	a, b := sample(r, 8, 1, 0.1), sample(r, 8, 1, 0.1)
	ab, ok := stats.MinDetectable(a, b, 0.95)
	require.True(t, ok)
	ba, _ := stats.MinDetectable(b, a, 0.95)
	assert.InDelta(t, ab, ba, 1e-12, "symmetric")
	shifted, _ := stats.MinDetectable(a, scaled(b, 3), 0.95)
	assert.InDelta(t, ab, shifted, 1e-12, "the effect found does not matter, only the spread")
	exact, ok := stats.MinDetectable([]float64{5, 5, 5, 5}, []float64{5, 5, 5, 5}, 0.95)
	assert.True(t, ok)
	assert.Zero(t, exact)
	_, ok = stats.MinDetectable(a[:3], b[:3], 0.95)
	assert.False(t, ok)
}

func TestSamplesFor(t *testing.T) {
	assert.Equal(t, 24, stats.SamplesFor(6, 10, 5), "half the width takes four times as many")
	assert.Equal(t, 6, stats.SamplesFor(6, 5, 10), "never fewer than there are")
	assert.Zero(t, stats.SamplesFor(6, 10, 0))
	assert.Zero(t, stats.SamplesFor(6, 1e9, 1e-9), "beyond all reason")
	assert.Zero(t, stats.SamplesFor(0, 1, 1))
}
