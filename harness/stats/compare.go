package stats

import (
	"cmp"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// MannWhitney returns the two-sided p of the hypothesis that a and b come from
// one distribution. It is benchmath's: exact up to 50 values a side (25 with
// ties), the corrected normal approximation beyond. Where nothing can be told (an
// empty side, all values equal) p is 1.
//
// With ties and sides of different size, the distribution of U is skewed, and
// benchmath doubles one tail of it: p(a, b) then differs a little from p(b, a),
// and may exceed 1 by itself. It is cut at 1 here; else it is left as it is, to be
// the number that benchstat prints.
func MannWhitney(a, b []float64) float64 {
	t := benchmath.DefaultThresholds
	// NewSample sorts what it is given: copies.
	c := benchmath.AssumeNothing.Compare(
		benchmath.NewSample(slices.Clone(a), &t),
		benchmath.NewSample(slices.Clone(b), &t))
	return math.Min(c.P, 1)
}

// MinSamples returns how many values each of two sides needs before
// [MannWhitney] can give p <= alpha at all, which it then does if no value of one
// side lies among those of the other. It is 4 for 0.05. It returns 0 where alpha
// is not positive: no number would do.
func MinSamples(alpha float64) int {
	if !(alpha > 0) {
		return 0
	}
	// The smallest p is 2/C(2n, n), and C(2n, n) = C(2n-2, n-1)·(4n-2)/n.
	n, p := 1, 1.0
	for p > alpha {
		n++
		p *= float64(n) / float64(4*n-2)
	}
	return n
}

// Holm corrects the p values of several questions asked at once: if an answer
// counts when its corrected p is below 0.05, then the probability of one or more
// false answers among all of them stays below 5 %. The results are in the order of
// p. It needs no independence, and it is never weaker than Bonferroni's m·p.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	out := make([]float64, len(p))
	least := 0.0 // a question can't be surer than one with a smaller p
	for rank, i := range order {
		least = max(least, math.Min(1, p[i]*float64(len(p)-rank)))
		out[i] = least
	}
	return out
}
