package report

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// tick is a place on an axis, in the axis's own unit.
type tick struct {
	at    float64
	label string // "": a grid line alone
}

// contextLabel writes 8192 as 8K and 1048576 as 1M; other numbers as they are.
func contextLabel(ctx int) string {
	switch {
	case ctx >= 1<<20 && ctx%(1<<20) == 0:
		return strconv.Itoa(ctx>>20) + "M"
	case ctx >= 1<<10 && ctx%(1<<10) == 0:
		return strconv.Itoa(ctx>>10) + "K"
	}
	return strconv.Itoa(ctx)
}

// labelOrder says which contexts get their label first where not all have room: the
// ends, then powers of two, then the others, longer before shorter.
func labelOrder(contexts []int) []int {
	order := slices.Clone(contexts)
	rank := func(c int) int {
		switch {
		case c == contexts[len(contexts)-1]:
			return 0
		case c == contexts[0]:
			return 1
		case bits.OnesCount(uint(c)) == 1:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b, a)) })
	return order
}

// logRange widens a range of positive values so that it spans at least a decade (a
// smaller one would make noise look like a mountain) and has some air. Without values
// it is 0.1 to 10.
func logRange(lo, hi float64) (float64, float64) {
	if !(lo > 0) || math.IsInf(lo, 1) {
		return 0.1, 10
	}
	if short := 1 - math.Log10(hi/lo); short > 0 {
		lo, hi = lo/math.Pow(10, short/2), hi*math.Pow(10, short/2)
	}
	air := math.Pow(hi/lo, 0.05)
	return lo / air, hi * air
}

// logTicks has grid lines within the range, as far as a decade is tall enough for
// them (in points): the decades with labels, 2 and 5 with labels too, and the others.
func logTicks(lo, hi, decade float64) []tick {
	const (
		forLabels = 130
		forLines  = 90
	)
	var ticks []tick
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for m := 1; m <= 9; m++ {
			// Parsing gives 0.003, multiplying 0.0030000000000000001.
			v, _ := strconv.ParseFloat(strconv.Itoa(m)+"e"+strconv.Itoa(e), 64)
			if v < lo || v > hi || (m > 1 && decade < forLines) {
				continue
			}
			t := tick{at: v}
			if m == 1 || (decade >= forLabels && (m == 2 || m == 5)) {
				t.label = strconv.FormatFloat(v, 'f', -1, 64)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// linearTicks has about n ticks from 0 to top, at multiples of 1, 2 or 5.
func linearTicks(top float64, n int) []tick {
	if !(top > 0) || math.IsInf(top, 1) {
		return []tick{{0, "0"}}
	}
	raw := top / float64(n)
	e := int(math.Floor(math.Log10(raw)))
	step, exp := 1, e
	for _, s := range []int{1, 2, 5, 10} {
		if step = s; float64(s)*math.Pow(10, float64(e)) >= raw*(1-1e-9) {
			break
		}
	}
	var ticks []tick
	for i := 0; ; i++ {
		v, _ := strconv.ParseFloat(strconv.Itoa(i*step)+"e"+strconv.Itoa(exp), 64)
		if v > top {
			return ticks
		}
		ticks = append(ticks, tick{v, strconv.FormatFloat(v, 'f', -1, 64)})
	}
}
