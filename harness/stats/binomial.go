package stats

import "math"

// BinomialAtLeast returns the probability of k or more successes in n independent
// trials that each succeed with probability p. It is the regularised incomplete
// beta function I_p(k, n-k+1).
//
// It is summed rather than taken from the usual continued fraction: all terms are
// positive, so nothing cancels, and the sum has a few standard deviations of terms
// (some hundreds for n of 10000) where the fraction may fail to converge.
func BinomialAtLeast(k, n int, p float64) float64 {
	switch {
	case n < 0 || !(p >= 0 && p <= 1):
		return math.NaN()
	case k <= 0:
		return 1
	case k > n:
		return 0
	case float64(k) > float64(n)*p:
		return upperTail(k, n, p)
	}
	// The lower tail of successes is the upper tail of failures.
	return 1 - upperTail(n-k+1, n, 1-p)
}

// BinomialAtMost returns the probability of k or fewer successes in n trials.
func BinomialAtMost(k, n int, p float64) float64 {
	return BinomialAtLeast(n-k, n, 1-p)
}

// BinomialLower returns Clopper and Pearson's lower bound of the probability of
// success, given k successes in n trials: the largest p at which k or more would be
// seen with a probability of at most 1-level. It is one-sided: whatever the true
// probability is, the bound lies above it in at most 1-level of all experiments. It
// is 0 without a success, and NaN where k, n or level (between 0 and 1) are none.
func BinomialLower(k, n int, level float64) float64 {
	switch {
	case k < 0 || k > n || !(level > 0 && level < 1):
		return math.NaN()
	case k == 0:
		return 0
	case k == n:
		return math.Exp(math.Log(1-level) / float64(n))
	}
	lo, hi := 0.0, float64(k)/float64(n)
	for range 200 {
		mid := (lo + hi) / 2
		if hi-lo <= 1e-15*hi || mid == lo || mid == hi {
			break
		}
		if BinomialAtLeast(k, n, mid) <= 1-level {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// BinomialUpper returns the upper bound that belongs to [BinomialLower]: it lies
// below the true probability in at most 1-level of all experiments. It is 1 without
// a failure.
func BinomialUpper(k, n int, level float64) float64 {
	return 1 - BinomialLower(n-k, n, level)
}

// BinomialNeed returns the number of trials without a failure that it takes until
// [BinomialLower] at the level reaches share, which no smaller number can do. For
// 0.90 at level 0.95 it is 29. It is 0 where no number does: share of 1 or more
// can't be proven by a sample.
func BinomialNeed(share, level float64) int {
	if !(share < 1) || !(level > 0 && level < 1) {
		return 0
	}
	if share <= 0 {
		return 1
	}
	n := max(1, int(math.Ceil(math.Log(1-level)/math.Log(share))))
	for n > 1 && BinomialAtLeast(n-1, n-1, share) <= 1-level {
		n--
	}
	for BinomialAtLeast(n, n, share) > 1-level {
		n++
	}
	return n
}

// binomialMost bounds the answer of BinomialTrials.
const binomialMost = 1 << 24

// BinomialTrials returns a number of trials with which a true probability is found
// to be on its side of share with the given power (0.9: nine experiments in ten):
// BinomialLower >= share where truth is above, BinomialUpper < share where it is
// below. Power rises with n in saw teeth, so that a number slightly smaller may do
// too. It is 0 where none does: truth equals share, or is so near that it would take
// more than 16 million.
func BinomialTrials(share, truth, level, power float64) int {
	if !(share > 0 && share < 1 && truth >= 0 && truth <= 1 && level > 0 && level < 1 && power > 0 && power < 1) || truth == share {
		return 0
	}
	if truth < share { // the same question about failures
		share, truth = 1-share, 1-truth
	}
	n := BinomialNeed(share, level)
	least := n - 1
	for passes(n, share, truth, level) < power {
		least = n
		if n *= 2; n > binomialMost {
			return 0
		}
	}
	for n-least > 1 {
		mid := least + (n-least)/2
		if passes(mid, share, truth, level) >= power {
			n = mid
		} else {
			least = mid
		}
	}
	return n
}

// passes is the probability that n trials put the lower bound at share or above.
func passes(n int, share, truth, level float64) float64 {
	lo, hi := int(float64(n)*share), n+1 // the least k that does
	for lo < hi {
		k := lo + (hi-lo)/2
		if BinomialAtLeast(k, n, share) <= 1-level {
			hi = k
		} else {
			lo = k + 1
		}
	}
	return BinomialAtLeast(lo, n, truth)
}

// upperTail sums P(X = k) + P(X = k+1) + …, for k above the mean.
func upperTail(k, n int, p float64) float64 {
	if p == 0 {
		return 0
	}
	odds := p / (1 - p)
	term := binomialMass(k, n, p)
	sum := term
	for i := k; i < n && term > 1e-17*sum; i++ {
		term *= odds * float64(n-i) / float64(i+1)
		sum += term
	}
	return math.Min(1, sum)
}

// binomialMass is P(X = k) by Loader's saddle-point form, in which no large logarithms
// are subtracted from each other: with log-gamma, the error would grow with n.
func binomialMass(k, n int, p float64) float64 {
	q := 1 - p
	switch {
	case p == 0 || q == 0:
		if (p == 0 && k == 0) || (q == 0 && k == n) {
			return 1
		}
		return 0
	case k == 0:
		return math.Exp(float64(n) * math.Log1p(-p))
	case k == n:
		return math.Exp(float64(n) * math.Log(p))
	}
	x, m := float64(k), float64(n)
	e := stirlingError(m) - stirlingError(x) - stirlingError(m-x) - deviance(x, m*p) - deviance(m-x, m*q)
	return math.Exp(e) * math.Sqrt(m/(2*math.Pi*x*(m-x)))
}

// stirlingError is log(n!) minus Stirling's formula for it.
func stirlingError(n float64) float64 {
	if n <= 15 {
		lg, _ := math.Lgamma(n + 1)
		return lg - (n+0.5)*math.Log(n) + n - math.Log(2*math.Pi)/2
	}
	n2 := n * n
	return (1.0/12 - (1.0/360-(1.0/1260-(1.0/1680-1.0/1188/n2)/n2)/n2)/n2) / n
}

// deviance is x·log(x/mean) + mean - x, by a series where x is near the mean and the
// plain form would cancel.
func deviance(x, mean float64) float64 {
	d := x - mean
	if math.Abs(d) >= 0.1*(x+mean) {
		return x*math.Log(x/mean) - d
	}
	v := d / (x + mean)
	sum, term := d*v, 2*x*v
	for j := 1; j < 1000; j++ {
		term *= v * v
		next := sum + term/float64(2*j+1)
		if next == sum {
			break
		}
		sum = next
	}
	return sum
}
