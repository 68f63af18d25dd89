package load

import (
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// first collects the first n instants.
func first(n int, due iter.Seq[time.Duration]) []time.Duration {
	var all []time.Duration
	for d := range due {
		if len(all) == n {
			break
		}
		all = append(all, d)
	}
	return all
}

func TestPacersInstants(t *testing.T) {
	for name, c := range map[string]struct {
		pacer Pacer
		want  []time.Duration
	}{
		"constant":                  {Constant{Rate: 10}, []time.Duration{0, 100 * ms, 200 * ms, 300 * ms}},
		"constant, slow":            {Constant{Rate: 0.5}, []time.Duration{0, 2 * sec, 4 * sec}},
		"constant, rounded singly":  {Constant{Rate: 3}, []time.Duration{0, 333333333, 666666667, sec, 1333333333}},
		"ramp up from nothing":      {Ramp{From: 0, To: 4, Over: 4 * sec}, []time.Duration{0, 1414213562, 2 * sec, 2449489743}},
		"ramp up":                   {Ramp{From: 1, To: 3, Over: 2 * sec}, []time.Duration{0, 732050808, 1236067977, 1645751311, 2 * sec, 2333333333}},
		"ramp down":                 {Ramp{From: 3, To: 1, Over: 2 * sec}, []time.Duration{0, 354248689, 763932023, 1267949192, 2 * sec, 3 * sec}},
		"ramp to nothing ends":      {Ramp{From: 4, To: 0, Over: sec}, []time.Duration{0, 292893219, sec}},
		"ramp that is none":         {Ramp{From: 2, To: 2, Over: sec}, []time.Duration{0, 500 * ms, sec, 1500 * ms}},
		"ramp that is nearly none":  {Ramp{From: 2, To: 2 + 1e-12, Over: sec}, []time.Duration{0, 500 * ms, sec, 1500 * ms}},
		"ramp holds its last value": {Ramp{From: 0, To: 2, Over: sec}, []time.Duration{0, sec, 1500 * ms, 2 * sec}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.pacer.Check())
			assert.Equal(t, c.want, first(len(c.want), c.pacer.Due()))
		})
	}
	assert.Len(t, first(100, Ramp{From: 4, To: 0, Over: sec}.Due()), 3, "a rate of 0 starts nothing more")
}

// An hour at an awkward rate: a sum of rounded gaps would be 24 µs off.
func TestConstantDoesNotDrift(t *testing.T) {
	due := first(3*3600+1, Constant{Rate: 3}.Due())
	assert.Equal(t, time.Hour, due[len(due)-1])
}

func TestPacersRefuseWhatTheyCannotKeep(t *testing.T) {
	for want, p := range map[string]Pacer{
		"constant rate: want 1e-06 to 1e+06 requests per second, have 0":    Constant{},
		"constant rate: want 1e-06 to 1e+06 requests per second, have NaN":  Constant{Rate: math.NaN()},
		"constant rate: want 1e-06 to 1e+06 requests per second, have +Inf": Constant{Rate: math.Inf(1)},
		"poisson rate: want 1e-06 to 1e+06 requests per second, have -1":    Poisson{Rate: -1},
		"ramp: want a time above 0, have 0s":                                Ramp{From: 1, To: 2},
		"ramp: from 0 to 0 requests per second starts nothing":              Ramp{Over: sec},
		"ramp: want 1e-06 to 1e+06 requests per second, have -2":            Ramp{From: -2, To: 2, Over: sec},
		"ramp: want 1e-06 to 1e+06 requests per second, have 2e+06":         Ramp{From: 0, To: 2e6, Over: sec},
	} {
		assert.EqualError(t, p.Check(), want)
	}
}

// The sequence of a seed is part of a run's reproducibility: it must not change.
func TestPoissonIsFixedByItsSeed(t *testing.T) {
	p := Poisson{Rate: 500, Seed: 1}
	assert.Equal(t, []time.Duration{1235295, 8914099, 14966498, 20237623, 22194744}, first(5, p.Due()))
	assert.Equal(t, first(1000, p.Due()), first(1000, p.Due()), "each range begins anew")
	assert.NotEqual(t, first(5, p.Due()), first(5, Poisson{Rate: 500, Seed: 2}.Due()))
}

// The same seed at another rate is the same draw in another unit.
func TestPoissonScalesWithItsRate(t *testing.T) {
	slow, fast := first(1000, Poisson{Rate: 1, Seed: 7}.Due()), first(1000, Poisson{Rate: 1000, Seed: 7}.Due())
	for i := range slow {
		assert.InDelta(t, slow[i].Seconds(), 1000*fast[i].Seconds(), 1e-6)
	}
}

// gaps returns n gaps of a Poisson process in units of their expected mean.
func gaps(n int, p Poisson) []float64 {
	out := make([]float64, 0, n)
	last := time.Duration(0)
	for _, d := range first(n, p.Due()) {
		out = append(out, (d-last).Seconds()*p.Rate)
		last = d
	}
	return out
}

// Mean and variance of exponential gaps of mean 1 are 1; their estimates from n have
// standard errors of 1/sqrt(n) and sqrt(8/n). Four of each are allowed, for seeds
// that are fixed.
func TestPoissonGapsHaveMeanAndVarianceOne(t *testing.T) {
	const n = 100_000
	for seed := range uint64(5) {
		var mean, square, lag float64
		all := gaps(n, Poisson{Rate: 500, Seed: seed})
		for _, g := range all {
			mean += g / n
		}
		for i, g := range all {
			square += (g - mean) * (g - mean) / (n - 1)
			if i > 0 {
				lag += (g - mean) * (all[i-1] - mean) / n
			}
		}
		assert.InDelta(t, 1, mean, 4/math.Sqrt(n), "seed %d", seed)
		assert.InDelta(t, 1, square, 4*math.Sqrt(8.0/n), "seed %d", seed)
		assert.InDelta(t, 0, lag, 4/math.Sqrt(n), "seed %d: neighbouring gaps are independent", seed)
	}
}

// ks is the Kolmogorov-Smirnov distance to the exponential distribution of mean 1.
func ks(sample []float64) float64 {
	sorted := slices.Sorted(slices.Values(sample))
	n, most := float64(len(sorted)), 0.0
	for i, g := range sorted {
		f := 1 - math.Exp(-g)
		most = max(most, f-float64(i)/n, float64(i+1)/n-f)
	}
	return most
}

// chiSquare counts into bins of equal probability.
func chiSquare(sample []float64, bins int) float64 {
	counts := make([]float64, bins)
	for _, g := range sample {
		counts[min(bins-1, int(float64(bins)*(1-math.Exp(-g))))]++
	}
	want, sum := float64(len(sample))/float64(bins), 0.0
	for _, c := range counts {
		sum += (c - want) * (c - want) / want
	}
	return sum
}

// At 1 %: KS 1.628/sqrt(n); chi-square with 49 degrees of freedom 74.92. Gaps that
// are uniform or equal fail both by far, so the test can fail.
func TestPoissonGapsAreExponential(t *testing.T) {
	const n, limitChi = 20_000, 74.92
	limitKS := 1.628 / math.Sqrt(n)
	for seed := range uint64(5) {
		sample := gaps(n, Poisson{Rate: 500, Seed: seed})
		assert.Less(t, ks(sample), limitKS, "seed %d", seed)
		assert.Less(t, chiSquare(sample, 50), limitChi, "seed %d", seed)
	}
	uniform, equal := make([]float64, n), make([]float64, n)
	for i := range n {
		uniform[i], equal[i] = 2*float64(i)/n, 1
	}
	for _, wrong := range [][]float64{uniform, equal} {
		assert.Greater(t, ks(wrong), limitKS)
		assert.Greater(t, chiSquare(wrong, 50), limitChi)
	}
}

// What makes it a Poisson process: the number of requests in a second has mean and
// variance equal to the rate (here over 2000 seconds; standard errors 0.5 and 1.6 %).
func TestPoissonCountsHaveVarianceOfTheirMean(t *testing.T) {
	const rate, seconds = 20, 2000
	counts := make([]float64, seconds)
	for due := range (Poisson{Rate: rate, Seed: 3}).Due() {
		if due >= seconds*sec {
			break
		}
		counts[due/sec]++
	}
	var mean, variance float64
	for _, c := range counts {
		mean += c / seconds
	}
	for _, c := range counts {
		variance += (c - mean) * (c - mean) / (seconds - 1)
	}
	assert.InDelta(t, rate, mean, 4*math.Sqrt(rate/float64(seconds)))
	assert.InDelta(t, 1, variance/mean, 4*math.Sqrt(2.0/seconds))
}

func TestPhaseSize(t *testing.T) {
	for name, c := range map[string]struct {
		phase    Phase
		requests int
		length   time.Duration
	}{
		"by time":                      {Phase{For: sec, Pacer: Constant{Rate: 10}}, 10, sec},
		"by time, between two":         {Phase{For: 950 * ms, Pacer: Constant{Rate: 10}}, 10, 950 * ms},
		"by number":                    {Phase{Requests: 10, Pacer: Constant{Rate: 10}}, 10, sec},
		"number first":                 {Phase{Requests: 3, For: sec, Pacer: Constant{Rate: 10}}, 3, 300 * ms},
		"time first":                   {Phase{Requests: 30, For: sec, Pacer: Constant{Rate: 10}}, 10, sec},
		"ramp: area under the line":    {Phase{For: 10 * sec, Pacer: Ramp{To: 10, Over: 10 * sec}}, 50, 10 * sec},
		"ramp, then its last rate":     {Phase{For: 12 * sec, Pacer: Ramp{To: 10, Over: 10 * sec}}, 70, 12 * sec},
		"ramp down ends before number": {Phase{Requests: 9, Pacer: Ramp{From: 4, Over: sec}}, 3, sec},
		"ramp down ends before time":   {Phase{For: 5 * sec, Pacer: Ramp{From: 4, Over: sec}}, 3, 5 * sec},
		"shorter than the first gap":   {Phase{For: 1, Pacer: Poisson{Rate: 1}}, 0, 1},
		"not a phase":                  {Phase{Pacer: Constant{Rate: 1}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			requests, length := c.phase.Size()
			assert.Equal(t, c.requests, requests)
			assert.Equal(t, c.length, length)
		})
	}
}

func TestThinkAroundIsExponentialAndFixed(t *testing.T) {
	think := ThinkAround(sec, 1)
	assert.Equal(t, think(3, 4), ThinkAround(sec, 1)(3, 4))
	assert.NotEqual(t, think(3, 4), think(4, 3))
	assert.NotEqual(t, think(3, 4), ThinkAround(sec, 2)(3, 4))
	const n = 20_000
	sample := make([]float64, 0, n)
	for user := range 100 {
		for turn := range n / 100 {
			sample = append(sample, think(user, turn).Seconds())
		}
	}
	assert.Less(t, ks(sample), 1.628/math.Sqrt(n))
	assert.Less(t, chiSquare(sample, 50), 74.92)
}
