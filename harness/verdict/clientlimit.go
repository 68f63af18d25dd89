package verdict

import (
	"fmt"
	"math"
	"time"

	"aibench/harness/record"
	"aibench/harness/stats"
)

// The client is the limit where its own error exceeds 5 % of what it measured, or where
// it used more than 80 % of the machine while calibrated at this load.
const (
	clientErrorShare = 0.05
	clientCPUShare   = 0.8
)

// clientLimit compares like with like: the P99 of the error of a TTFT with the median
// TTFT, for one TTFT is one stamp and a bad one is not averaged away; the median error
// of a gap with the median gap, of which a request has many.
func clientLimit(rs []record.Request, clock *record.CalibrationLevel) []string {
	if clock == nil {
		return nil
	}
	var reasons []string
	if cpu, ok := clock.CPUShare.Get(); ok && cpu > clientCPUShare {
		reasons = append(reasons, fmt.Sprintf("the client was the limit: calibrated at %d users it used %.0f %% of the CPU", clock.Users, 100*cpu))
	}
	if clock.Failed > 0 {
		reasons = append(reasons, fmt.Sprintf("the client was the limit: %d of its requests failed when calibrated at %d users", clock.Failed, clock.Users))
	}
	ttft, gap := medians(rs)
	for _, c := range []struct {
		what            string
		errNS, measured float64
	}{
		{"TTFT", math.Abs(float64(clock.First.P99)), ttft},
		{"gap", math.Abs(float64(clock.Gap.P50)), gap},
	} {
		if c.measured > 0 && c.errNS > clientErrorShare*c.measured {
			reasons = append(reasons, fmt.Sprintf("the client was the limit: its error of a %s (%v, calibrated at %d users) exceeds 5 %% of the measured %v",
				c.what, roundly(c.errNS), clock.Users, roundly(c.measured)))
		}
	}
	return reasons
}

// medians of the ok requests' TTFT and gaps, ns; 0 where there are none.
func medians(rs []record.Request) (ttft, gap float64) {
	var ttfts, gaps []float64
	for i := range rs {
		if rs[i].Outcome != record.OK {
			continue
		}
		if v, ok := rs[i].TTFT().Get(); ok {
			ttfts = append(ttfts, float64(v))
		}
		for _, g := range rs[i].Gaps() {
			gaps = append(gaps, float64(g))
		}
	}
	if len(ttfts) > 0 {
		ttft = stats.Median(ttfts)
	}
	if len(gaps) > 0 {
		gap = stats.Median(gaps)
	}
	return ttft, gap
}

func roundly(ns float64) time.Duration {
	d := time.Duration(ns)
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond)
	case d >= 100*time.Microsecond:
		return d.Round(time.Microsecond)
	}
	return d.Round(100 * time.Nanosecond)
}

// ClockFor chooses the calibrated level that speaks for a load: the least that has as
// many users, else the greatest there is. It is nil without a calibration.
func ClockFor(c record.Calibration, users int) *record.CalibrationLevel {
	for i := range c.Levels {
		if c.Levels[i].Users >= users {
			return &c.Levels[i]
		}
	}
	if n := len(c.Levels); n > 0 {
		return &c.Levels[n-1]
	}
	return nil
}
