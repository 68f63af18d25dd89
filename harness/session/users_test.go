package session

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/mockserver"
)

// Four users make four streams at once, on four connections, and never more: warm-ups
// too (trap 21). Nothing in the client serialises them (traps 6 and 7): the server
// answers the first four of each loop only once all four have come.
func TestUsers(t *testing.T) {
	const users = 4
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Warmup, cfg.Client.MaxConns = 2*users, users
	var gates [3]sync.WaitGroup // of the warm-ups and the two trials
	for i := range gates {
		gates[i].Add(users)
	}
	s := open(t, srv, cfg, func(g generation) string {
		if loop, i := (g.n-1)/(2*users), (g.n-1)%(2*users); i < users {
			gates[loop].Done()
			gates[loop].Wait()
		}
		return ""
	})
	c := cell(64, users, 2*users)
	for n := range 2 {
		w := ContextWork(c, 4)
		m, err := s.Trial(t.Context(), w)
		require.NoError(t, err)
		require.Len(t, m.Requests, 2*users)
		seen := map[int]bool{}
		for _, r := range m.Requests {
			require.Equal(t, record.OK, r.Outcome, r.Evidence)
			assert.True(t, r.ConnReused, "trial %d dialled: the warm-ups' connections are kept", n+1)
			assert.False(t, r.Connect.Has())
			assert.GreaterOrEqual(t, r.Queue().Or(-1), int64(0))
			seen[r.User] = true
		}
		assert.LessOrEqual(t, len(seen), users)
	}
	assert.EqualValues(t, users, srv.most.Load())
	connections := map[string]bool{}
	for _, g := range srv.received() {
		connections[g.remote] = true
	}
	assert.Len(t, connections, users)
	assert.Len(t, srv.received(), 3*2*users)
}
