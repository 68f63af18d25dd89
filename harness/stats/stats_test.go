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

// sample draws n values of a lognormal around 100, as latencies are.
func sample(r *rand.Rand, n int, factor, sigma float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = 100 * factor * math.Exp(sigma*r.NormFloat64())
	}
	return xs
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func scaled(xs []float64, by float64) []float64 {
	out := slices.Clone(xs)
	for i := range out {
		out[i] *= by
	}
	return out
}

func TestDescribe(t *testing.T) {
	xs := []float64{4, 1, 3, 2}
	assert.Equal(t, 2.5, stats.Median(xs))
	assert.Equal(t, 2.5, stats.Mean(xs))
	assert.Equal(t, 1.0, stats.Min(xs))
	assert.Equal(t, 4.0, stats.Max(xs))
	assert.InDelta(t, math.Sqrt(5.0/3), stats.Stddev(xs), 1e-12)
	assert.Equal(t, []float64{4, 1, 3, 2}, xs, "arguments are left alone")
	assert.Equal(t, 7.0, stats.Median([]float64{7}))
}

func TestNothingIsNaN(t *testing.T) {
	for name, f := range map[string]func([]float64) float64{
		"median": stats.Median, "mean": stats.Mean, "min": stats.Min, "max": stats.Max, "stddev": stats.Stddev,
	} {
		assert.True(t, math.IsNaN(f(nil)), name)
	}
	assert.True(t, math.IsNaN(stats.Stddev([]float64{1})))
	assert.True(t, math.IsNaN(stats.Ratio(nil, []float64{1})))
}

func TestPercentile(t *testing.T) {
	var xs []float64
	for i := 100; i >= 1; i-- {
		xs = append(xs, float64(i))
	}
	for p, want := range map[float64]float64{
		0: 1, 50: 50.5, 90: 100.0/3*2.7 + 0.3 + 1.0/3, 99: 99.66333333, 100: 100,
	} {
		assert.InDelta(t, want, stats.Percentile(xs, p), 1e-6, "P%v", p)
	}
	previous := 0.0
	for p := 0.0; p <= 100; p += 0.5 {
		v := stats.Percentile(xs, p)
		require.GreaterOrEqual(t, v, previous)
		previous = v
	}
}

func TestMannWhitneyExact(t *testing.T) {
	// Two of the C(2n, n) orders are as extreme as complete separation.
	assert.InDelta(t, 2.0/70, stats.MannWhitney([]float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}), 1e-12)
	assert.InDelta(t, 2.0/924, stats.MannWhitney([]float64{1, 2, 3, 4, 5, 6}, []float64{7, 8, 9, 10, 11, 12}), 1e-12)
	assert.Equal(t, 1.0, stats.MannWhitney([]float64{3, 3, 3}, []float64{3, 3, 3}))
	assert.Equal(t, 1.0, stats.MannWhitney(nil, []float64{3}))
}

func TestMannWhitneyProperties(t *testing.T) {
	r := random(1)
	for range 200 {
		a, b := sample(r, 3+r.IntN(8), 1, 0.2), sample(r, 3+r.IntN(8), 1.1, 0.2)
		p := stats.MannWhitney(a, b)
		require.InDelta(t, p, stats.MannWhitney(b, a), 1e-9, "symmetric without ties")
		require.InDelta(t, p, stats.MannWhitney(scaled(a, 1e-9), scaled(b, 1e-9)), 1e-9, "no unit")
		require.True(t, p > 0 && p <= 1)
		require.LessOrEqual(t, stats.MannWhitney(a, scaled(b, 1e6)), p+1e-9, "complete separation is the strongest evidence")
	}
}

// With ties, benchmath's p may exceed 1 (see MannWhitney); ours may not.
func TestMannWhitneyTies(t *testing.T) {
	r := random(2)
	for range 500 {
		a, b := make([]float64, 2+r.IntN(6)), make([]float64, 2+r.IntN(6))
		for i := range a {
			a[i] = float64(r.IntN(3))
		}
		for i := range b {
			b[i] = float64(r.IntN(3))
		}
		p := stats.MannWhitney(a, b)
		require.True(t, p >= 0 && p <= 1, "%v %v: %v", a, b, p)
	}
}

func TestMinSamples(t *testing.T) {
	for alpha, want := range map[float64]int{1: 1, 0.5: 2, 0.05: 4, 0.01: 5, 0.05 / 8: 6, 0.05 / 24: 7, 0: 0, math.NaN(): 0} {
		assert.Equal(t, want, stats.MinSamples(alpha), "%v", alpha)
	}
	for n := 2; n <= 12; n++ {
		var a, b []float64
		for i := range n {
			a, b = append(a, float64(i)), append(b, float64(100+i))
		}
		p := stats.MannWhitney(a, b)
		assert.Equal(t, n, stats.MinSamples(p*1.0001))
		assert.Equal(t, n+1, stats.MinSamples(p*0.9999))
	}
}

func TestHolm(t *testing.T) {
	assert.InDeltaSlice(t, []float64{0.06, 0.03, 0.06}, stats.Holm([]float64{0.04, 0.01, 0.03}), 1e-12)
	assert.Equal(t, []float64{1, 1}, stats.Holm([]float64{0.7, 0.9}))
	assert.Empty(t, stats.Holm(nil))
	r := random(3)
	for range 200 {
		p := make([]float64, 1+r.IntN(12))
		for i := range p {
			p[i] = r.Float64() * r.Float64()
		}
		h := stats.Holm(p)
		for i := range p {
			require.GreaterOrEqual(t, h[i], p[i])
			require.LessOrEqual(t, h[i], math.Min(1, p[i]*float64(len(p)))+1e-12, "never weaker than Bonferroni")
			for j := range p {
				require.False(t, p[i] < p[j] && h[i] > h[j], "order is kept")
			}
		}
	}
}
