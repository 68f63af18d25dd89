package stats

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// exactLimit is the largest side for which the exact distribution of U is
// computed; it is the limit of the test, so that test and interval agree.
const exactLimit = 50

// Interval is a confidence interval.
type Interval struct {
	Lo, Hi float64 // the bounds; NaN where OK is false
	Level  float64 // the coverage it really has, at least the one asked for; 0 where OK is false
	OK     bool    // whether there is an interval
	Need   int     // where too few values are the reason that there is none: how many (each side) would do; else 0
}

func none(need int) Interval {
	return Interval{Lo: math.NaN(), Hi: math.NaN(), Need: need}
}

// MedianCI returns benchmath's interval of the median at the given level (0.95):
// two order statistics, found from the binomial distribution. At 0.95 it takes 6
// values.
func MedianCI(xs []float64, level float64) Interval {
	if len(xs) == 0 {
		return none(medianNeed(level))
	}
	t := benchmath.DefaultThresholds
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(xs), &t), level)
	if math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) {
		return none(medianNeed(level))
	}
	return Interval{Lo: s.Lo, Hi: s.Hi, Level: s.Confidence, OK: true}
}

// medianNeed is the smallest n whose extremes enclose the median with the level:
// 1 − 2·2^-n >= level.
func medianNeed(level float64) int {
	if level >= 1 {
		return 0
	}
	return max(2, int(math.Ceil(1-math.Log2(1-level)-1e-12)))
}

// RatioCI returns an interval of location(b)/location(a) at the given level,
// assuming only that b is distributed as a times some factor. It is the set of
// factors that the Mann-Whitney test at 1−level would not reject: of all the
// pairwise ratios b_j/a_i in order, the k-th from either end, where k comes from
// the distribution of U (exact up to 50 values a side, the normal approximation
// with continuity correction beyond). With ties it covers more than asked for,
// never less.
//
// A ratio needs positive a; a zero in b is fine, a negative value is not: then OK
// is false and Need is 0. At level 0.95 it takes 4 values a side.
func RatioCI(a, b []float64, level float64) Interval {
	for _, x := range a {
		if !(x > 0) || math.IsInf(x, 0) {
			return none(0)
		}
	}
	for _, x := range b {
		if !(x >= 0) || math.IsInf(x, 0) {
			return none(0)
		}
	}
	k, covered := uOrder(len(a), len(b), level)
	if k == 0 {
		return none(MinSamples(1 - level))
	}
	r := ratios(a, b)
	return Interval{Lo: r[k-1], Hi: r[len(r)-k], Level: covered, OK: true}
}

// Ratio returns the median of the pairwise ratios b_j/a_i, the estimate around
// which [RatioCI] lies (Hodges and Lehmann's, of the logarithms up to the
// averaging of the two middle ones).
func Ratio(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	return Median(ratios(a, b))
}

func ratios(a, b []float64) []float64 {
	r := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			r = append(r, y/x)
		}
	}
	slices.Sort(r)
	return r
}

// uOrder returns the largest k with P(U <= k−1) <= (1−level)/2 for sides of n and
// m values, and the coverage 1 − 2·P(U <= k−1); k is 0 where even the extreme
// ratios cover less than level.
func uOrder(n, m int, level float64) (k int, covered float64) {
	if n == 0 || m == 0 || !(level < 1) {
		return 0, 0
	}
	tail := uTail(n, m)
	alpha := (1 - level) / 2 * (1 + 1e-12) // 1−0.95 is a rounding error away from 0.05
	lo, hi := 0, n*m/2
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if tail(mid-1) <= alpha {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == 0 {
		return 0, 0
	}
	return lo, 1 - 2*tail(lo-1)
}

// uTail returns the function P(U <= u) for sides of n and m values without ties.
func uTail(n, m int) func(u int) float64 {
	if n <= exactLimit && m <= exactLimit {
		d := stats.UDist{N1: n, N2: m}
		return func(u int) float64 { return d.CDF(float64(u)) }
	}
	mu := float64(n) * float64(m) / 2
	sigma := math.Sqrt(float64(n) * float64(m) * float64(n+m+1) / 12)
	return func(u int) float64 { return stats.StdNormal.CDF((float64(u) + 0.5 - mu) / sigma) }
}
