package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/mockserver"
)

// prompts measures 2 trials of two cells, with warm-ups, and returns the identities of
// all prompts in the order of the journal, after it saw that the server's prefix cache
// found none of them.
func prompts(t *testing.T, srv *server, change func(*Config)) []string {
	t.Helper()
	cfg := configFor(srv, newRun(t))
	cfg.Warmup = 3
	change(&cfg)
	s := open(t, srv, cfg, nil)
	require.NoError(t, sweep(t.Context(), s, append(cells(256, 512), cell(256, 2, 3)), 2))
	log := closed(t, s, record.EndComplete)
	require.Len(t, log.Requests, 3*3+2*(1+1+3), "warm-ups and trials of three cells")
	var ids []string
	for _, r := range log.Requests {
		require.Equal(t, record.OK, r.Outcome, r.Evidence)
		cached, known := r.CachedTokens.Get()
		require.True(t, known, "this server tells of its cache")
		assert.Zero(t, cached, "%s trial %d request %d", r.Cell, r.Trial, r.Index)
		ids = append(ids, r.Prompt)
	}
	return ids
}

// The same stage on servers of their own, since a prompt twice would hit the cache.
func TestPrompts(t *testing.T) {
	fresh := func(change func(*Config)) []string {
		return prompts(t, serve(t, "fast", mockserver.Options{}), change)
	}
	keep := func(*Config) {}
	baseline := fresh(keep)
	assert.Len(t, set(baseline), len(baseline), "each prompt is sent once, warm-ups too")
	assert.Equal(t, baseline, fresh(keep), "the same seed gives the same work in another process")
	assert.Equal(t, baseline, fresh(func(c *Config) { c.Stage = "aidaptiv" }), "both stages send the same bytes")
	for name, other := range map[string][]string{
		"salt": fresh(func(c *Config) { c.Stage, c.Salt = "aidaptiv", "aidaptiv" }),
		"seed": fresh(func(c *Config) { c.Seed = 2 }),
	} {
		assert.Len(t, other, len(baseline))
		assert.Len(t, set(append(other, baseline...)), 2*len(baseline), "another %s gives other prompts", name)
	}
}

// Two stages on one server that was not restarted between them (trap 20): the salt
// keeps the second from finding the first's cache.
func TestPromptsOfTwoStagesOnOneServer(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	prompts(t, srv, func(c *Config) { c.Salt = "baseline" })
	prompts(t, srv, func(c *Config) { c.Stage, c.Salt = "aidaptiv", "aidaptiv" })
}

func set(ids []string) map[string]bool {
	m := map[string]bool{}
	for _, id := range ids {
		m[id] = true
	}
	return m
}
