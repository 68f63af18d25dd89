package load

import (
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkOpenLoop measures how late requests start: Poisson arrivals against a
// function that takes 50 ms and does nothing. One iteration lasts as long as
// -benchtime, or 5 s if that is not given or is a number of iterations; start error
// is the function's first instant minus the intended one. For the figures of the
// instrument:
//
//	go test ./harness/load -run '^$' -bench OpenLoop -benchtime 20s
func BenchmarkOpenLoop(b *testing.B) {
	for _, rps := range []float64{500} {
		b.Run(fmt.Sprintf("rps=%g", rps), func(b *testing.B) {
			length := benchtime()
			var late []time.Duration
			for b.Loop() {
				begin := time.Now()
				late = append(late, lateness(b, Poisson{Rate: rps, Seed: 1}, length)...)
				time.Sleep(time.Until(begin.Add(length))) // or the time left would ask for one more
			}
			slices.Sort(late)
			b.ReportMetric(percentile(late, 0.5), "start-err-p50-ns")
			b.ReportMetric(percentile(late, 0.99), "start-err-p99-ns")
			b.ReportMetric(percentile(late, 1), "start-err-max-ns")
			b.ReportMetric(float64(len(late)), "requests")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// lateness runs one phase and fails unless every request of the schedule was started,
// without the cap, and has ended.
func lateness(b *testing.B, p Pacer, length time.Duration) []time.Duration {
	phase := Phase{Counted: true, For: length, Pacer: p}
	planned, _ := phase.Size()
	late := make([]time.Duration, planned)
	var mu sync.Mutex
	returned := 0
	results, err := OpenLoop{Cap: 10_000, Phases: []Phase{phase}}.Run(b.Context(), func(_ context.Context, s Slot) {
		late[s.Index] = time.Since(s.Intended)
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		returned++
		mu.Unlock()
	})
	if err != nil {
		b.Fatal(err)
	}
	if r := results[0]; r.Unaccounted() != 0 || r.Finished != planned || returned != planned || r.CapReached != 0 {
		b.Fatalf("of %d requests %d have returned: %+v", planned, returned, r)
	}
	return late
}

// benchtime is the flag's value where it is a time and was given.
func benchtime() time.Duration {
	length := 5 * time.Second
	flag.Visit(func(f *flag.Flag) {
		if d, err := time.ParseDuration(f.Value.String()); f.Name == "test.benchtime" && err == nil {
			length = d
		}
	})
	return length
}

// percentile is the nearest rank.
func percentile(sorted []time.Duration, p float64) float64 {
	return float64(sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)])
}
