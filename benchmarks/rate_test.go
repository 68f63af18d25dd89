package benchmarks

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"aibench/harness/scenario"
	"aibench/harness/session"
)

// BenchmarkRate sends requests at a rate, whether or not earlier ones have been
// answered, as users do who know nothing of each other: a server that can't keep up
// gets a growing queue, which a closed loop would hide.
//
// One iteration is one trial: rate x `rate_duration` requests of the first context as
// a Poisson process, after a fifth as many that are counted nowhere (with -warmup 0
// none). All prompts are made before. At most 400 requests are outstanding: what comes
// then starts late, and its wait is in queue-ns and ttft-sched-ns, not in ttft-ns; a
// note in the journal says how many. The sweep ends at a rate of which no request is ok.
//
//	go test -bench 'Rate/rps=2' -benchtime=1x -count=6 ./benchmarks -args -contexts 1024 -rates 1,2,4 -rate-duration 60s
func BenchmarkRate(b *testing.B) {
	works := rateWorks(bench.cfg.Rates, bench.cfg.RateDuration, bench.cfg.ContextList()[0], bench.cfg.MaxTokens, bench.cfg.Warmup > 0)
	var cells []scenario.Cell
	for _, w := range works {
		cells = append(cells, w.Cell)
	}
	bench.session.Plan(matching(cells))
	for _, w := range works {
		b.Run(w.Cell.SubName(), func(b *testing.B) { bench.measure(b, w) })
	}
}

// rateCap keeps a server that has stopped answering from taking this machine down
// too. It leaves room below the 1024 open files that a process usually may have, for
// the mock in this process holds the other end of each connection.
const rateCap = 400

func rateWorks(rates []float64, length time.Duration, ctx, maxTokens int, leadIn bool) []session.Work {
	var works []session.Work
	for _, rate := range ascending(rates) {
		n := max(1, int(math.Round(rate*length.Seconds())))
		w := session.ContextWork(scenario.Cell{Benchmark: "Rate", Rate: rate, Ctx: ctx, Requests: n, Raises: scenario.ByRate}, maxTokens)
		w.Open = &session.OpenLoop{Cap: rateCap}
		if leadIn {
			w.Open.LeadIn = (n + 4) / 5
		}
		works = append(works, w)
	}
	return works
}

func ascending[T cmp.Ordered](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
