package benchmarks

import (
	"fmt"
	"testing"

	"aibench/harness/capacity"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/harness/session"
)

// BenchmarkCapacity searches the most users with whom the server meets the objectives
// of -slo, at each context, by doubling and then bisecting: between max-ok-users and
// min-fail-users, at 95 % for the whole bracket. It tries no more users than the
// largest of `users` (64 where that is 1).
//
// One iteration is one search. Its requests are ordinary trials of closed loops, at
// least two requests a user each, in the cells .../users=U of the journal: a search
// that was killed goes on from them. A step takes as many requests as its decision
// needs, up to about 1000. A trial begins with all users at once, and those requests
// count as the others do. Where not even one user meets the objectives, longer
// contexts are left out.
//
//	go test -bench Capacity -benchtime=1x -timeout 0 ./benchmarks -args -contexts 16384 -slo ttft-p90=10s,decode=20tok/s
func BenchmarkCapacity(b *testing.B) {
	if len(bench.slo) == 0 {
		b.Skip("capacity needs objectives: give them with -slo, such as -args -slo ttft-p90=10s,decode=20tok/s")
	}
	for _, ctx := range bench.cfg.ContextList() {
		c := scenario.Cell{Benchmark: "Capacity", Ctx: ctx}
		b.Run(c.SubName(), func(b *testing.B) { bench.searchCapacity(b, c) })
	}
}

// searchCapacity is one line: one search, or several with -benchtime, of which the
// line shows the last.
func (s *suite) searchCapacity(b *testing.B, c scenario.Cell) {
	s.skipEnded(b, c)
	if s.unmet != "" && s.cfg.OnFailure != "continue" {
		if err := s.session.NotRun(c, s.unmet); err != nil {
			b.Fatal(err)
		}
		b.Skip(s.unmet)
	}
	var found record.Capacity
	for b.Loop() {
		var err error
		found, err = s.search(c)
		s.check(b, c, err)
	}
	if !found.MaxOK.Has() && s.unmet == "" {
		s.unmet = fmt.Sprintf("sweep ended at %s: not even 1 user was shown to meet %s", c.SubName(), s.slo)
	}
	values := capacity.UserValues(found)
	if len(values) == 0 {
		b.Skip("nothing was shown: ", capacity.Describe(found, "users")) // a line without figures is no line
	}
	metric.Report(b, values)
}

// search runs one search and keeps what it found.
func (s *suite) search(c scenario.Cell) (record.Capacity, error) {
	result, err := s.steps(c)
	if err != nil {
		return record.Capacity{}, err
	}
	s.searches[c.Name()]++
	found := result.Record()
	found.Cell, found.Search = c.Name(), s.searches[c.Name()]
	if found, err = s.session.Capacity(found); err != nil {
		return found, err
	}
	s.session.Tell(c.SubName() + ": " + capacity.Describe(found, "users"))
	return found, nil
}

// steps goes from load to load until the search has come to its end, or the server is
// dead.
func (s *suite) steps(c scenario.Cell) (capacity.Result, error) {
	search, rule, err := capacity.Prepare(s.slo, capacity.UsersUpTo(s.cfg.Users), capacity.StepRequests)
	if err != nil {
		return capacity.Result{}, err
	}
	for {
		users, done := search.Next()
		if done {
			return search.Result(), nil
		}
		d, err := s.step(c, users, rule.Step())
		if err != nil && !s.session.Dead() {
			return capacity.Result{}, err
		}
		search.Record(users, d)
		c.Users = users
		s.session.Tell(fmt.Sprintf("%s: %s: %s", c.SubName(), d.Verdict, d.Reason))
		if s.session.Dead() {
			return search.Result(), nil
		}
	}
}

// step sends trials of so many users until they decide.
func (s *suite) step(c scenario.Cell, users int, step *capacity.Step) (capacity.Decision, error) {
	c.Users = users
	var err error
	for step.Want() > 0 && err == nil {
		c.Requests = max(2*users, (step.Want()+users-1)/users*users)
		var m session.Measured
		if m, err = s.session.Trial(s.ctx, session.ContextWork(c, s.cfg.MaxTokens)); err == nil {
			step.Add(m.Trial.Requests, m.Requests)
			s.summarise(m.Requests)
		}
	}
	d, _ := step.Decision()
	return d, err
}
