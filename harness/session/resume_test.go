package session

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/mockserver"
)

// interruptible answers the first n requests, then holds all, and cancels the context
// once hold of them are held.
func interruptible(ctx context.Context, n, hold int) (context.Context, func(generation) string) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, func(g generation) string {
		if g.n <= n {
			return ""
		}
		if g.n == n+hold {
			cancel()
		}
		return "hang"
	}
}

// promptsOf are the prompts of a cell's trial (0: warm-ups) in a session.
func promptsOf(log *record.Log, session int, cell string, trial int) []string {
	var ids []string
	for _, r := range log.Requests {
		if r.Session == session && r.Cell == cell && r.Trial == trial {
			ids = append(ids, r.Prompt)
		}
	}
	return ids
}

// A session is killed within the second trial of the second cell, on a server that
// lives on and has a prefix cache. The next one takes up the stage.
func TestResume(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Warmup = 1
	sweepOf := cells(64, 128, 256)
	for i := range sweepOf {
		sweepOf[i].Requests = 2
	}
	second := sweepOf[1].Name()
	ctx, fault := interruptible(t.Context(), 1+3*2+1+2+1, 1) // the second request of that trial
	killed := open(t, srv, cfg, fault)
	require.ErrorIs(t, sweep(ctx, killed, sweepOf, 3), ErrInterrupted)
	require.NoError(t, killed.release()) // a killed session writes no end
	before := readLog(t, cfg)
	require.Len(t, before.Trials, 4)
	orphans := before.Orphans()
	require.Len(t, orphans, 2)

	resumed := open(t, srv, cfg, nil)
	var replayed []bool
	for _, c := range sweepOf {
		for n := range 3 {
			m := trial(t, resumed, c, 4)
			assert.Equal(t, n+1, m.Trial.Trial)
			replayed = append(replayed, m.Replayed)
		}
	}
	assert.Equal(t, []bool{true, true, true, true, false, false, false, false, false}, replayed)
	assert.Len(t, srv.received(), 1+2*2+1+3*2, "warm-ups of the unfinished cells, and their missing trials")

	log := closed(t, resumed, record.EndComplete)
	require.Len(t, log.Trials, 9)
	assert.Equal(t, orphans, log.Orphans(), "they stay, and count nowhere")
	for _, c := range sweepOf {
		done := log.Finished(c.Name())
		require.Len(t, done, 3)
		for i, m := range done {
			assert.Equal(t, i+1, m.Trial.Trial)
			assert.Len(t, m.Requests, 2, "without warm-ups and orphans")
		}
	}
	for _, r := range log.Requests {
		if r.Session == 2 {
			assert.Equal(t, record.Some(0), r.CachedTokens, "%s trial %d", r.Cell, r.Trial)
		}
	}
	assert.Len(t, promptsOf(log, 2, second, 0), 1)
	assert.NotEqual(t, promptsOf(log, 1, second, 0), promptsOf(log, 2, second, 0))
	assert.NotSubset(t, promptsOf(log, 2, second, 2), promptsOf(log, 1, second, 2), "they may be in the server's cache")

	whole := uninterrupted(t, cfg, sweepOf[1].Name())
	assert.Equal(t, promptsOf(whole, 1, second, 1), promptsOf(log, 1, second, 1))
	assert.Equal(t, promptsOf(whole, 1, second, 3), promptsOf(log, 2, second, 3), "from then on the work is the stage's own")
}

// uninterrupted measures a cell as if nothing had happened.
func uninterrupted(t *testing.T, cfg Config, name string) *record.Log {
	t.Helper()
	srv := serve(t, "fast", mockserver.Options{})
	plain := configFor(srv, newRun(t))
	plain.Warmup = cfg.Warmup
	s := open(t, srv, plain, nil)
	c := cell(128, 1, 2)
	require.Equal(t, name, c.Name())
	for range 3 {
		trial(t, s, c, 4)
	}
	return closed(t, s, record.EndComplete)
}

// A stage that is complete costs nothing: no request is sent, and what was left out is
// said once.
func TestResumeOfACompleteStage(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Warmup = 1
	s := open(t, srv, cfg, func(g generation) string { return map[int]string{5: "oom", 6: "oom"}[g.n] })
	require.NoError(t, sweep(t.Context(), s, cells(64, 128, 256, 512), 2))
	first := closed(t, s, record.EndComplete)
	require.Len(t, first.NotRun, 2)

	s = open(t, srv, cfg, nil)
	require.NoError(t, sweep(t.Context(), s, cells(64, 128, 256, 512), 2))
	log := closed(t, s, record.EndComplete)
	assert.Empty(t, srv.received())
	assert.Len(t, log.Sessions, 2)
	assert.Equal(t, first.Trials, log.Trials)
	assert.Equal(t, first.NotRun, log.NotRun)
}

// More trials than before: the missing ones are added to those that are there.
func TestResumeWithMoreTrials(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	for session, trials := range []int{1, 3} {
		s := open(t, srv, cfg, nil)
		require.NoError(t, sweep(t.Context(), s, cells(64), trials))
		log := closed(t, s, record.EndComplete)
		require.Len(t, log.Trials, trials)
		for i, tr := range log.Trials {
			assert.Equal(t, i+1, tr.Trial)
		}
		assert.Equal(t, session+1, log.Trials[trials-1].Session)
	}
}

// The journal of a running session is refused to a second one, until it is free.
func TestOpenWaitsForTheJournal(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	s := open(t, srv, cfg, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := Open(ctx, cfg)
	require.ErrorIs(t, err, ErrInterrupted)
	time.AfterFunc(20*time.Millisecond, func() { s.release() })
	second, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	assert.Equal(t, 2, second.Begun().Session)
	require.NoError(t, second.Close(record.EndComplete))
}

// Told to stop within a trial: what was sent is in the journal as canceled, what was
// not is not, and no trial counts.
func TestInterrupt(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	ctx, fault := interruptible(t.Context(), 1, 2)
	s := open(t, srv, cfg, fault)
	c := cell(64, 2, 4)
	_, err := s.Trial(ctx, ContextWork(c, 4))
	require.ErrorIs(t, err, ErrInterrupted)
	assert.EqualError(t, err, "interrupted")
	log := closed(t, s, record.EndInterrupted)
	assert.Empty(t, log.Trials)
	assert.Empty(t, outcomes(log, c))
	count := map[record.Outcome]int{}
	for _, r := range log.Orphans() {
		count[r.Outcome]++
		assert.Equal(t, 1, r.Trial)
	}
	assert.Equal(t, map[record.Outcome]int{record.OK: 1, record.Canceled: 2}, count, "the fourth was never handed out")
	end, _ := log.LastEnd()
	assert.Equal(t, record.EndInterrupted, end.Reason)
}

// Told to stop within the warm-ups: there is no trial to show or to count.
func TestInterruptOfWarmUps(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Warmup = 1
	var out bytes.Buffer
	cfg.Progress = &out
	ctx, fault := interruptible(t.Context(), 0, 1)
	s := open(t, srv, cfg, fault)
	_, err := s.Trial(ctx, ContextWork(cell(64, 1, 1), 4))
	require.ErrorIs(t, err, ErrInterrupted)
	log := closed(t, s, record.EndInterrupted)
	assert.Empty(t, out.String())
	require.Len(t, log.Requests, 1)
	assert.Equal(t, record.Canceled, log.Requests[0].Outcome)
	assert.Zero(t, log.Requests[0].Trial)
}

// Told to stop between trials: nothing is sent.
func TestInterruptBetweenTrials(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	s := open(t, srv, configFor(srv, newRun(t)), nil)
	require.NoError(t, sweep(ctx, s, cells(64), 1))
	cancel()
	assert.ErrorIs(t, sweep(ctx, s, cells(128), 1), ErrInterrupted)
	assert.False(t, s.Dead(), "nobody asked the server")
	log := closed(t, s, record.EndInterrupted)
	assert.Len(t, log.Requests, 1)
	assert.Empty(t, log.NotRun)
}
