package stats_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"aibench/harness/stats"

	"github.com/aclements/go-moremath/mathx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exactAtLeast is P(X >= k) as a sum of exact fractions. p is taken for the binary
// fraction that the float is.
func exactAtLeast(k, n int, p float64) float64 {
	P := new(big.Rat).SetFloat64(p)
	Q := new(big.Rat).Sub(big.NewRat(1, 1), P)
	power := func(x *big.Rat, e int) *big.Rat {
		E := big.NewInt(int64(e))
		return new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), E, nil), new(big.Int).Exp(x.Denom(), E, nil))
	}
	sum := new(big.Rat)
	for i := k; i <= n; i++ {
		t := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		t.Mul(t, power(P, i)).Mul(t, power(Q, n-i))
		sum.Add(sum, t)
	}
	f, _ := sum.Float64()
	return f
}

func TestBinomialTailIsTheExactSum(t *testing.T) {
	for _, n := range []int{1, 2, 5, 17, 40, 90} {
		for _, p := range []float64{0.001, 0.1, 0.3, 0.5, 0.9, 0.99} {
			for k := 0; k <= n; k += 1 + n/12 {
				want := exactAtLeast(k, n, p)
				require.InEpsilon(t, want, stats.BinomialAtLeast(k, n, p), 2e-12, "k=%d n=%d p=%v", k, n, p)
				require.InDelta(t, 1-exactAtLeast(k+1, n, p), stats.BinomialAtMost(k, n, p), 1e-12, "k=%d n=%d p=%v", k, n, p)
			}
		}
	}
}

// For large n against another way of computing it: the continued fraction.
func TestBinomialTailIsTheIncompleteBeta(t *testing.T) {
	for _, n := range []int{1000, 10_000} {
		for _, p := range []float64{0.01, 0.5, 0.9} {
			for _, sd := range []float64{-6, -3, -1, 0, 1, 3, 6} {
				k := int(float64(n)*p + sd*math.Sqrt(float64(n)*p*(1-p)))
				if k < 1 {
					continue
				}
				want := mathx.BetaInc(p, float64(k), float64(n-k+1))
				require.InDelta(t, want, stats.BinomialAtLeast(k, n, p), 1e-9*want+1e-15, "k=%d n=%d p=%v", k, n, p)
			}
		}
	}
	assert.InDelta(t, 0.5, stats.BinomialAtLeast(500_000, 1_000_000, 0.5), 5e-4, "and beyond where that one converges")
}

func TestBinomialEdges(t *testing.T) {
	assert.Equal(t, 1.0, stats.BinomialAtLeast(0, 5, 0.1))
	assert.Equal(t, 1.0, stats.BinomialAtLeast(-1, 5, 0.1))
	assert.Equal(t, 0.0, stats.BinomialAtLeast(6, 5, 0.1))
	assert.Equal(t, 0.0, stats.BinomialAtLeast(1, 5, 0))
	assert.Equal(t, 1.0, stats.BinomialAtLeast(5, 5, 1))
	assert.Equal(t, 0.0, stats.BinomialAtMost(4, 5, 1))
	for _, p := range []float64{-0.1, 1.1, math.NaN()} {
		assert.True(t, math.IsNaN(stats.BinomialAtLeast(1, 2, p)))
	}
	assert.Equal(t, 0.0, stats.BinomialLower(0, 0, 0.95), "nothing known")
	assert.Equal(t, 1.0, stats.BinomialUpper(0, 0, 0.95))
	assert.Equal(t, 0.0, stats.BinomialLower(0, 7, 0.95))
	assert.Equal(t, 1.0, stats.BinomialUpper(7, 7, 0.95))
	for _, bad := range [][2]int{{-1, 3}, {4, 3}} {
		assert.True(t, math.IsNaN(stats.BinomialLower(bad[0], bad[1], 0.95)))
		assert.True(t, math.IsNaN(stats.BinomialUpper(bad[0], bad[1], 0.95)))
	}
	assert.True(t, math.IsNaN(stats.BinomialLower(1, 3, 1)))
}

// Published values: Clopper-Pearson at two-sided 95 % is one-sided 97.5 %.
func TestBinomialBounds(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{{0, 10, 0, 0.3085}, {1, 10, 0.0025, 0.4450}, {5, 10, 0.1871, 0.8129}, {9, 10, 0.5550, 0.9975}, {81, 263, 0.2527, 0.3676}} {
		assert.InDelta(t, c.lo, stats.BinomialLower(c.k, c.n, 0.975), 6e-5, "%v", c)
		assert.InDelta(t, c.hi, stats.BinomialUpper(c.k, c.n, 0.975), 6e-5, "%v", c)
	}
}

// A bound is where the tail is exactly 1-level.
func TestBinomialBoundInvertsTheTail(t *testing.T) {
	for _, n := range []int{1, 3, 29, 400, 10_000} {
		for _, k := range []int{1, n / 3, n / 2, n - 1, n} {
			if k < 1 {
				continue
			}
			for _, level := range []float64{0.5, 0.95, 0.9995} {
				lo := stats.BinomialLower(k, n, level)
				require.InEpsilon(t, 1-level, stats.BinomialAtLeast(k, n, lo), 1e-8, "k=%d n=%d", k, n)
				up := stats.BinomialUpper(n-k, n, level)
				require.InEpsilon(t, 1-level, stats.BinomialAtMost(n-k, n, up), 1e-8, "k=%d n=%d", k, n)
			}
		}
	}
}

// Coverage is computed, not sampled: over every k, by its exact probability.
func TestBinomialBoundsCover(t *testing.T) {
	for _, n := range []int{5, 29, 60} {
		for _, p := range []float64{0.01, 0.37, 0.5, 0.9, 0.99} {
			var above, below float64
			for k := 0; k <= n; k++ {
				mass := stats.BinomialAtLeast(k, n, p) - stats.BinomialAtLeast(k+1, n, p)
				if stats.BinomialLower(k, n, 0.95) > p {
					above += mass
				}
				if stats.BinomialUpper(k, n, 0.95) < p {
					below += mass
				}
			}
			require.LessOrEqual(t, above, 0.05+1e-12, "n=%d p=%v", n, p)
			require.LessOrEqual(t, below, 0.05+1e-12, "n=%d p=%v", n, p)
		}
	}
}

func TestBinomialNeed(t *testing.T) {
	for _, c := range []struct {
		share, level float64
		want         int
	}{{0.90, 0.95, 29}, {0.99, 0.95, 299}, {0.5, 0.95, 5}, {0.95, 0.95, 59}, {0.5, 0.5, 1}, {0.25, 0.75, 1}, {0, 0.95, 1}, {1, 0.95, 0}, {0.9, 1, 0}} {
		assert.Equal(t, c.want, stats.BinomialNeed(c.share, c.level), "%v", c)
	}
	for _, share := range []float64{0.5, 0.8, 0.9, 0.95, 0.99, 0.999} {
		n := stats.BinomialNeed(share, 0.99)
		assert.GreaterOrEqual(t, stats.BinomialLower(n, n, 0.99), share-1e-15)
		assert.Less(t, stats.BinomialLower(n-1, n-1, 0.99), share)
	}
}

func TestBinomialTrials(t *testing.T) {
	for _, c := range []struct{ share, truth float64 }{{0.9, 0.95}, {0.9, 0.8}, {0.9, 0.99}, {0.5, 0.4}, {0.99, 0.9}} {
		n := stats.BinomialTrials(c.share, c.truth, 0.95, 0.9)
		require.Positive(t, n)
		decided := 0.0
		for k := 0; k <= n; k++ {
			mass := stats.BinomialAtLeast(k, n, c.truth) - stats.BinomialAtLeast(k+1, n, c.truth)
			if c.truth > c.share && stats.BinomialLower(k, n, 0.95) >= c.share || c.truth < c.share && stats.BinomialUpper(k, n, 0.95) < c.share {
				decided += mass
			}
		}
		assert.GreaterOrEqual(t, decided, 0.9, "%v: n=%d", c, n)
		assert.Less(t, decided, 0.999, "%v: n=%d is far more than it takes", c, n)
	}
	near, nearer := stats.BinomialTrials(0.9, 0.92, 0.95, 0.9), stats.BinomialTrials(0.9, 0.91, 0.95, 0.9)
	assert.InDelta(t, 4, float64(nearer)/float64(near), 0.8, "half the distance takes four times as many: %d, %d", near, nearer)
	assert.Zero(t, stats.BinomialTrials(0.9, 0.9, 0.95, 0.9), "no number tells a share from itself")
	assert.Zero(t, stats.BinomialTrials(1, 0.9, 0.95, 0.9))
}

// Of 72 requests 70 met the objective: what does that say about the rest of the world?
func ExampleBinomialLower() {
	fmt.Printf("at least %.1f %%\n", 100*stats.BinomialLower(70, 72, 0.95))
	fmt.Printf("at most %.1f %%\n", 100*stats.BinomialUpper(70, 72, 0.95))
	fmt.Printf("90 %% takes %d without a failure\n", stats.BinomialNeed(0.90, 0.95))
	// Output:
	// at least 91.5 %
	// at most 99.5 %
	// 90 % takes 29 without a failure
}
