package load

import (
	"math"
	"time"
)

// LittlesLaw holds three measured figures against each other that must fit whatever
// the server does: the mean number of requests in flight is the rate times their mean
// time in flight, L = λW. deviation is (λW - L)/L: -0.1 says that a tenth of the
// concurrency promised was not there, or was spent somewhere that latency does not
// see.
//
// In a closed loop concurrency is the number of users, and latency the mean from
// intent to the end of the stream plus the mean time to think; failed requests are to
// be counted in all three. rate is requests per second. A phase of R requests by U
// users falls short by up to (U-1)/R of itself even if all is well, since at its end
// users run out of requests one after the other; ask only of R well above U.
//
// ok is false where a figure is missing: nothing in flight, no rate, no latency.
func LittlesLaw(concurrency, rate float64, latency time.Duration) (deviation float64, ok bool) {
	if !(concurrency > 0) || !(rate > 0) || latency <= 0 || math.IsInf(concurrency, 0) || math.IsInf(rate, 0) {
		return 0, false // !(x > 0) is also true of NaN
	}
	return (rate*latency.Seconds() - concurrency) / concurrency, true
}
