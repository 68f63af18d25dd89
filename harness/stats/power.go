package stats

import (
	"math"

	"github.com/aclements/go-moremath/stats"
)

// Power is the probability with which an effect of the size [MinDetectable] would
// have been shown.
const Power = 0.8

// MinDetectable returns the smallest relative change (0.05 is 5 %) that samples
// of this size and spread show with the probability [Power], and whether it can be
// told. With w half the width of [RatioCI] in logarithms,
//
//	w = (ln Hi − ln Lo) / 2
//	effect = exp(w · (1 + z(Power)/z((1+level)/2))) − 1
//
// At level 0.95 the bracket is 1.43. The reason: the interval's half width is z
// standard errors of the log ratio; a true effect of w itself puts the interval's
// edge on "no change" half of the time, and z(Power) further standard errors make
// it four times in five. A simulation would serve no better here, as the spread it
// had to assume comes from the same few values.
func MinDetectable(a, b []float64, level float64) (effect float64, ok bool) {
	ci := RatioCI(a, b, level)
	if !ci.OK || !(ci.Lo > 0) {
		return 0, false
	}
	w := (math.Log(ci.Hi) - math.Log(ci.Lo)) / 2
	z := stats.StdNormal.InvCDF((1 + level) / 2)
	return math.Expm1(w * (1 + stats.StdNormal.InvCDF(Power)/z)), true
}

// SamplesFor estimates how many values a side would narrow an interval of the
// given half width, had from n values a side, to the target half width: widths
// shrink with the square root of n. It returns 0 where no number would do.
func SamplesFor(n int, half, target float64) int {
	if !(target > 0) || n <= 0 || math.IsNaN(half) {
		return 0
	}
	need := math.Ceil(float64(n) * (half / target) * (half / target))
	if need > math.MaxInt32 {
		return 0
	}
	return max(n, int(need))
}
