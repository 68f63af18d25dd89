package load

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Pacer is an arrival process: the policy of an open loop. It has no clock.
type Pacer interface {
	// Due yields the instants at which requests are due, from the beginning of the
	// phase, in order. Each range over it yields the same ones. It may go on without
	// end: a phase takes what lies within its bounds.
	Due() iter.Seq[time.Duration]
	// Check says what is wrong with the pacer's values; nil if nothing is.
	Check() error
}

// Rates outside these are taken for mistakes: below, ten requests take four months;
// above, the gap is less than it costs to start a goroutine.
const (
	slowest = 1e-6 // requests per second
	fastest = 1e6
)

// Constant starts requests at equal distances, the first at once.
type Constant struct {
	Rate float64 // requests per second; 0 is an error
}

// Due is k/Rate, k from 0. Instants are rounded one by one, so that no error adds up.
func (p Constant) Due() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for k := 0.0; yield(seconds(k, p.Rate)); k++ {
		}
	}
}

// Check wants a rate from 1e-6 to 1e6.
func (p Constant) Check() error { return checkRate("constant rate", p.Rate) }

// Poisson starts requests as very many users do who know nothing of each other: the
// gaps are independent and exponentially distributed, with mean 1/Rate. The first
// request comes after a first gap. The number of requests in a given time is random,
// with variance equal to its mean, but fixed by the seed.
type Poisson struct {
	Rate float64 // requests per second on average; 0 is an error
	Seed uint64  // of the gaps; every value is valid and gives its own sequence
}

// Due draws gaps by inversion from PCG, whose sequence is part of its specification:
// the Go library's own exponential draws may change with a release.
func (p Poisson) Due() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		draws := rand.NewPCG(p.Seed, poissonStream)
		for sum := exponential(draws); yield(seconds(sum, p.Rate)); sum += exponential(draws) {
		}
	}
}

// Check wants a rate from 1e-6 to 1e6.
func (p Poisson) Check() error { return checkRate("poisson rate", p.Rate) }

// Different uses of one seed must not draw the same numbers.
const (
	poissonStream = 0x706f6973736f6e
	thinkStream   = 0x7468696e6b
)

// exponential draws from the exponential distribution of mean 1. The logarithm's
// argument is the middle of one of 2^53 equal parts of (0, 1), so it is never 0.
func exponential(src rand.Source) float64 {
	return -math.Log((float64(src.Uint64()>>11) + 0.5) / (1 << 53))
}

// Ramp changes the rate evenly from From to To during Over, and stays at To from then
// on. Requests are regular: the k-th, from 0, starts when the integral of the rate
// has come to k.
type Ramp struct {
	From float64       // requests per second at the beginning; 0 is allowed
	To   float64       // requests per second at the end; 0 is allowed: then the ramp ends there
	Over time.Duration // 0 is an error
}

// Due solves k = From t + (To-From) t²/(2 Over), in the form that stays exact where
// From and To are nearly the same.
func (p Ramp) Due() iter.Seq[time.Duration] {
	over := p.Over.Seconds()
	slope := (p.To - p.From) / over
	inside := (p.From + p.To) / 2 * over // requests during the ramp
	return func(yield func(time.Duration) bool) {
		for k := 0.0; ; k++ {
			var due time.Duration
			switch {
			case k == 0: // 0/0 below if From is 0
			case k <= inside:
				due = seconds(2*k, p.From+math.Sqrt(max(0, p.From*p.From+2*slope*k)))
			case p.To == 0:
				return
			default:
				due = p.Over + seconds(k-inside, p.To)
			}
			if !yield(due) {
				return
			}
		}
	}
}

// Check wants a time, and rates up to 1e6 that are not both 0.
func (p Ramp) Check() error {
	if p.Over <= 0 {
		return fmt.Errorf("ramp: want a time above 0, have %v", p.Over)
	}
	if p.From == 0 && p.To == 0 {
		return fmt.Errorf("ramp: from 0 to 0 requests per second starts nothing")
	}
	for _, rate := range []float64{p.From, p.To} {
		if rate == 0 {
			continue
		}
		if err := checkRate("ramp", rate); err != nil {
			return err
		}
	}
	return nil
}

func checkRate(what string, rate float64) error {
	if rate >= slowest && rate <= fastest { // false for NaN
		return nil
	}
	return fmt.Errorf("%s: want %g to %g requests per second, have %g", what, slowest, fastest, rate)
}

// seconds is n/rate seconds, to the nearest nanosecond; the longest duration if it is
// longer than that.
func seconds(n, rate float64) time.Duration {
	ns := math.Round(n * 1e9 / rate)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
