package benchmarks

import (
	"testing"

	"aibench/harness/scenario"
	"aibench/harness/session"
)

// BenchmarkContext sweeps the prompt length until no request of a context is ok: how
// long the first token takes, how fast the rest comes, and where it ends.
//
// One iteration is one trial: as many requests as users (or `requests`), each with a
// prompt of exactly ctx tokens that no request before it has begun alike, and exactly
// max_tokens tokens of output.
//
//	go test -bench 'Context/ctx=8192' -benchtime=1x -count=6 ./benchmarks
func BenchmarkContext(b *testing.B) {
	cells := scenario.Sweep(bench.cfg.ContextList(), bench.cfg.Users, bench.cfg.Requests)
	bench.session.Plan(matching(cells))
	for _, c := range cells {
		b.Run(c.SubName(), func(b *testing.B) {
			bench.measure(b, session.ContextWork(c, bench.cfg.MaxTokens))
		})
	}
}
