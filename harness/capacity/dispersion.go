package capacity

import (
	"fmt"
	"math"
)

// warnings says where batches of one step differ more than independent requests do:
// the binomial bounds are then too narrow.
func (s *Step) warnings() []string {
	var ws []string
	for i, o := range s.rule.Objectives {
		column := make([]Count, len(s.batches))
		for k, b := range s.batches {
			column[k] = b[i]
		}
		if ratio, sure := dispersion(column); sure {
			ws = append(ws, fmt.Sprintf("%s: its share varies between trials %.1f times as much as that of independent requests: "+
				"the bound is surer than it should be; use more and shorter trials", o, ratio))
		}
	}
	return ws
}

// dispersion is the variance of the batches' shares over the binomial one (Pearson's
// X² over its degrees of freedom), and whether it exceeds 1 at the 0.1 % level. The
// level is low because every step of a search asks.
func dispersion(batches []Count) (ratio float64, sure bool) {
	var met, total float64
	for _, c := range batches {
		met, total = met+float64(c.Met), total+float64(c.Total)
	}
	p := met / total
	if len(batches) < 3 || !(p > 0 && p < 1) {
		return 0, false
	}
	var x2, df float64
	for _, c := range batches {
		n := float64(c.Total)
		if n == 0 {
			continue
		}
		d := float64(c.Met) - n*p
		x2 += d * d / (n * p * (1 - p))
		df++
	}
	df--
	if df < 2 || total*min(p, 1-p) < 5*(df+1) {
		return 0, false // too few of one kind for a chi-square
	}
	// Wilson and Hilferty: the cube root of a chi-square over df is nearly normal.
	v := 2 / (9 * df)
	z := (math.Cbrt(x2/df) - (1 - v)) / math.Sqrt(v)
	return x2 / df, z > 3.09
}
