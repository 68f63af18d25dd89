package stats

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// Median returns the middle value, or the mean of the two middle ones.
func Median(xs []float64) float64 { return Percentile(xs, 50) }

// Percentile returns the p-th percentile, p from 0 to 100, by Hyndman and Fan's
// definition 8: with h = (n + 1/3)·p/100 + 1/3, the value between the order
// statistics ⌊h⌋ and ⌊h⌋+1 at fraction h−⌊h⌋, clamped to the extremes. It is
// nearly median-unbiased whatever the distribution, and what benchmath uses.
//
// Tools that follow numpy's default (definition 7) give slightly smaller tails:
// the P99 of 1..100 is 99.01 there and 99.66 here.
func Percentile(xs []float64, p float64) float64 {
	if len(xs) == 0 || math.IsNaN(p) {
		return math.NaN()
	}
	s := stats.Sample{Xs: slices.Sorted(slices.Values(xs)), Sorted: true}
	return s.Quantile(p / 100)
}

// Mean returns the arithmetic mean.
func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	return stats.Mean(xs)
}

// Min returns the smallest value.
func Min(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	return slices.Min(xs)
}

// Max returns the largest value.
func Max(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	return slices.Max(xs)
}

// Stddev returns the sample standard deviation (divisor n−1); NaN below two
// values, because one value says nothing of spread.
func Stddev(xs []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	return stats.StdDev(xs)
}
