package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/mockserver"
)

func openWork(rate float64, requests, leadIn, most int) Work {
	w := ContextWork(scenario.Cell{Benchmark: "Rate", Rate: rate, Ctx: 64, Requests: requests, Raises: scenario.ByRate}, 4)
	w.Open = &OpenLoop{LeadIn: leadIn, Cap: most}
	return w
}

// An open loop waits for nobody, up to its cap: there requests start late, none is
// dropped, and a note says so.
func TestOpenLoopAtItsCap(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Warmup = 5 // of closed loops only
	s := open(t, srv, cfg, nil)
	m, err := s.Trial(t.Context(), openWork(1e5, 10, 3, 1))
	require.NoError(t, err)
	require.Len(t, m.Requests, 10)
	assert.EqualValues(t, 1, srv.most.Load())
	assert.Len(t, srv.received(), 13)
	for i, r := range m.Requests {
		assert.Equal(t, record.OK, r.Outcome, r.Evidence)
		assert.Equal(t, []int{1, i}, []int{r.Trial, r.Index})
		if i > 0 {
			assert.GreaterOrEqual(t, r.Intended.Or(0), m.Requests[i-1].Intended.Or(0))
			assert.GreaterOrEqual(t, r.Start.Or(0), m.Requests[i-1].End.Or(0), "it had to wait for its place")
		}
	}
	last := m.Requests[9]
	assert.GreaterOrEqual(t, last.Queue().Or(0), m.Requests[8].End.Or(0)-last.Intended.Or(0), "the wait is queue delay, and no part of TTFT")
	assert.Equal(t, m.Requests[0].Intended.Or(0) >= m.Trial.Start, true)

	log := closed(t, s, record.EndComplete)
	assert.Len(t, log.Warmups("BenchmarkRate/rps=100000/ctx=64"), 3)
	require.Len(t, log.Notes, 1)
	assert.Contains(t, log.Notes[0].Text, "BenchmarkRate/rps=100000/ctx=64: trial 1: ")
	assert.Contains(t, log.Notes[0].Text, " of 10 requests started late, as 1 were outstanding")
}

// What counts is the same work at the same distances, whatever leads in to it; another
// trial has prompts and arrivals of its own.
func TestLeadInChangesNothing(t *testing.T) {
	prompts := func(m Measured) (ids []string) {
		for _, r := range m.Requests {
			ids = append(ids, r.Prompt)
		}
		return ids
	}
	distance := func(m Measured) int64 { return m.Requests[4].Intended.Or(0) - m.Requests[0].Intended.Or(0) }
	var first []Measured
	for _, leadIn := range []int{0, 4} {
		srv := serve(t, "fast", mockserver.Options{})
		s := open(t, srv, configFor(srv, newRun(t)), nil)
		for range 2 {
			m, err := s.Trial(t.Context(), openWork(500, 5, leadIn, 100))
			require.NoError(t, err)
			first = append(first, m)
		}
		log := closed(t, s, record.EndComplete)
		assert.Empty(t, log.Notes)
		assert.Len(t, log.Requests, 2*(5+leadIn))
		seen := map[string]bool{}
		for _, r := range log.Requests {
			assert.False(t, seen[r.Prompt], "no prompt comes twice, in the lead-in neither")
			seen[r.Prompt] = true
		}
	}
	assert.Equal(t, prompts(first[0]), prompts(first[2]))
	assert.Equal(t, prompts(first[1]), prompts(first[3]))
	assert.InDelta(t, distance(first[0]), distance(first[2]), 2, "ns: instants are rounded one by one")
	assert.NotEqual(t, distance(first[0]), distance(first[1]))
}

// The sweep over users ends where no request of a number of users is ok, that over
// rates at such a rate.
func TestSweepsOverUsersAndRatesEnd(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, newRun(t)), func(g generation) string {
		if g.n > 1 {
			return "oom"
		}
		return ""
	})
	users := func(n int) scenario.Cell {
		return scenario.Cell{Benchmark: "Concurrency", Ctx: 64, Users: n, Raises: scenario.ByUsers}
	}
	for _, n := range []int{1, 2} {
		_, ended := s.Ended(users(n))
		assert.False(t, ended)
		trial(t, s, users(n), 4)
	}
	reason, ended := s.Ended(users(4))
	assert.True(t, ended)
	assert.Equal(t, "sweep ended at ctx=64/users=2: oom_gpu", reason)
	_, ended = s.Ended(users(2))
	assert.False(t, ended, "its own trials go on")
	other := users(4)
	other.Ctx = 128
	_, ended = s.Ended(other)
	assert.False(t, ended, "another context is another sweep")

	slow, fast := openWork(100, 2, 0, 9), openWork(200, 2, 0, 9)
	_, err := s.Trial(t.Context(), slow)
	require.NoError(t, err)
	reason, _ = s.Ended(fast.Cell)
	assert.Equal(t, "sweep ended at rps=100/ctx=64: oom_gpu", reason)
}
