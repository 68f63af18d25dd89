package benchmarks

import (
	"testing"

	"aibench/harness/config"
	"aibench/harness/scenario"
	"aibench/harness/session"
)

// BenchmarkConcurrency raises the number of users at the first context until no
// request of a number is ok: how throughput grows and where it stops, what each user
// pays for it, and, with -slo, how much of it is of use to anybody.
//
// One iteration is one trial: a closed loop of four requests a user (or `requests` in
// all), each user sending its next when the last has ended. The users double from 1
// to 64, or are the list `users` where it has more than one.
//
//	go test -bench 'Concurrency' -benchtime=1x -count=6 ./benchmarks -args -contexts 1024 -slo ttft=2s,tpot=50ms
func BenchmarkConcurrency(b *testing.B) {
	cells := concurrencyCells(bench.cfg)
	bench.session.Plan(matching(cells))
	for _, c := range cells {
		b.Run(c.SubName(), func(b *testing.B) {
			bench.measure(b, session.ContextWork(c, bench.cfg.MaxTokens))
		})
	}
}

// mostUsers ends the doubling where nobody has said which users to try.
const mostUsers = 64

// perUser is the requests of a trial for each user: the first come all at once, and
// the last leave users idle, so that one each would say little of the load.
const perUser = 4

func concurrencyCells(cfg config.Config) []scenario.Cell {
	var cells []scenario.Cell
	for _, u := range concurrency(cfg) {
		c := scenario.Cell{Benchmark: "Concurrency", Ctx: cfg.ContextList()[0], Users: u, Requests: cfg.Requests, Raises: scenario.ByUsers}
		if c.Requests == 0 {
			c.Requests = perUser * u
		}
		cells = append(cells, c)
	}
	return cells
}

// concurrency lists the users to try, ascending.
func concurrency(cfg config.Config) []int {
	if len(cfg.Users) > 1 {
		return ascending(cfg.Users)
	}
	var users []int
	for u := 1; u <= mostUsers; u *= 2 {
		users = append(users, u)
	}
	return users
}
