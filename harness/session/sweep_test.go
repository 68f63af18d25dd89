package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/harness/stage"
	"aibench/mockserver"
)

// cells of one user at these contexts.
func cells(contexts ...int) []scenario.Cell { return scenario.Sweep(contexts, []int{1}, 0) }

// outcomes are the classes of a cell's counted requests, in order.
func outcomes(log *record.Log, c scenario.Cell) []record.Outcome {
	var os []record.Outcome
	for _, m := range log.Finished(c.Name()) {
		for _, r := range m.Requests {
			os = append(os, r.Outcome)
		}
	}
	return os
}

type skipped struct{ cell, reason string }

// skips are the cells recorded as not run.
func skips(log *record.Log) []skipped {
	var out []skipped
	for _, n := range log.NotRun {
		out = append(out, skipped{strings.TrimPrefix(n.Cell, "BenchmarkContext/"), n.Reason})
	}
	return out
}

// The baseline of this machine holds 10000 tokens: 16384 fails, in all its trials,
// and nothing larger is sent.
func TestSweepEndsAtTheFirstContextThatFails(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, newRun(t)), nil)
	require.NoError(t, sweep(t.Context(), s, cells(8192, 16384, 32768, 65536), 3))
	assert.Len(t, srv.received(), 6)
	assert.False(t, s.Dead())
	log := closed(t, s, record.EndComplete)
	assert.Equal(t, []record.Outcome{"ok", "ok", "ok"}, outcomes(log, cell(8192, 1, 0)))
	assert.Equal(t, []record.Outcome{"oom_gpu", "oom_gpu", "oom_gpu"}, outcomes(log, cell(16384, 1, 0)))
	reason := "sweep ended at ctx=16384/users=1: oom_gpu"
	assert.Equal(t, []skipped{{"ctx=32768/users=1", reason}, {"ctx=65536/users=1", reason}}, skips(log))
	end, _ := log.LastEnd()
	assert.Equal(t, record.EndComplete, end.Reason)
}

func TestSweepGoesOnWhenToldTo(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Continue = true
	s := open(t, srv, cfg, always("oom"))
	require.NoError(t, sweep(t.Context(), s, cells(64, 128, 256), 2))
	log := closed(t, s, record.EndComplete)
	assert.Len(t, log.Trials, 6)
	assert.Empty(t, log.NotRun)
}

// What sometimes works has not reached its end.
func TestSweepGoesOnAfterOneOKRequest(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, newRun(t)), func(g generation) string {
		if g.n == 4 { // the last of 4 at the first context
			return ""
		}
		return "kv_exhausted"
	})
	require.NoError(t, sweep(t.Context(), s, scenario.Sweep([]int{64, 128, 256}, []int{1}, 2), 2))
	log := closed(t, s, record.EndComplete)
	assert.Equal(t, []record.Outcome{"kv_exhausted", "kv_exhausted", "kv_exhausted", "ok"}, outcomes(log, cell(64, 1, 2)))
	assert.Len(t, outcomes(log, cell(128, 1, 2)), 4)
	assert.Equal(t, []skipped{{"ctx=256/users=1", "sweep ended at ctx=128/users=1: kv_exhausted"}}, skips(log))
}

// Where several contexts failed (a session before this one went on), the smallest is
// the reason.
func TestSweepEndedAtItsSmallestFailure(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Continue = true
	s := open(t, srv, cfg, always("oom"))
	require.NoError(t, sweep(t.Context(), s, cells(64, 128, 256, 512), 1))
	s.cfg.Continue = false
	for range 20 { // cells are kept in a map
		reason, ended := s.Ended(cell(1024, 1, 0))
		assert.True(t, ended)
		assert.Equal(t, "sweep ended at ctx=64/users=1: oom_gpu", reason)
	}
}

// A connection is lost where the stream has no end of its own; whoever asks then waits
// for word of the process, which a server that lives need not be asked for.
func TestLostConnection(t *testing.T) {
	failed := func(k record.FailureKind) record.Request { return record.Request{Failure: &record.Failure{Kind: k}} }
	for name, c := range map[string]struct {
		r    record.Request
		lost bool
	}{
		"finished":          {record.Request{FinishReason: "stop", Terminated: true}, false},
		"without end mark":  {record.Request{FinishReason: "stop"}, false},
		"without finish":    {record.Request{Terminated: true}, false},
		"cut":               {record.Request{}, true},
		"refused":           {failed(record.FailDial), true},
		"reset":             {failed(record.FailReset), true},
		"error of its own":  {failed(record.FailHTTP), false},
		"error in a stream": {failed(record.FailStream), false},
		"canceled":          {failed(record.FailCancel), false},
	} {
		assert.Equal(t, c.lost, lostConnection(c.r), name)
	}
}

// A context that two users can't share may suit one.
func TestSweepsOfDifferentUsersEndSeparately(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{}, func(p *mockserver.Profile) { p.Admission = "fail" })
	s := open(t, srv, configFor(srv, newRun(t)), func(g generation) string {
		return map[int]string{2: "oom", 3: "oom"}[g.n] // both of users=2 at 64
	})
	require.NoError(t, sweep(t.Context(), s, scenario.Sweep([]int{64, 128, 256}, []int{1, 2}, 0), 1))
	log := closed(t, s, record.EndComplete)
	for _, ctx := range []int{64, 128, 256} {
		assert.Equal(t, []record.Outcome{"ok"}, outcomes(log, cell(ctx, 1, 0)))
	}
	reason := "sweep ended at ctx=64/users=2: oom_gpu"
	assert.Equal(t, []skipped{{"ctx=128/users=2", reason}, {"ctx=256/users=2", reason}}, skips(log))
}

// dying is a server that is gone with its n-th request.
func dying(t *testing.T, n int) *server {
	srv := serve(t, "fast", mockserver.Options{})
	srv.fault = func(g generation) string {
		if g.n == n {
			srv.die()
			return "drop"
		}
		return ""
	}
	return srv
}

// Trap 22: nobody watches the server, and its port is dead after a trial. The stage
// ends there; who takes the port afterwards is not asked anything.
func TestSweepEndsWithTheServer(t *testing.T) {
	for name, cont := range map[string]bool{"stop": false, "continue": true} {
		t.Run(name, func(t *testing.T) {
			srv := dying(t, 2)
			cfg := configFor(srv, newRun(t))
			cfg.Continue = cont
			s := open(t, srv, cfg, srv.fault)
			require.NoError(t, sweep(t.Context(), s, cells(64), 2))
			require.True(t, s.Dead())
			later := listenAgain(t, srv.Listener.Addr().String())
			require.NoError(t, sweep(t.Context(), s, scenario.Sweep([]int{64, 128, 256}, []int{1, 2}, 0), 2))
			_, err := s.Trial(t.Context(), ContextWork(cell(512, 1, 0), 4))
			require.ErrorContains(t, err, "server is dead: ")
			log := closed(t, s, record.EndComplete)
			assert.Zero(t, later.Load(), "connections to the dead server's port")
			assert.Equal(t, []record.Outcome{"ok", "connection"}, outcomes(log, cell(64, 1, 0)))
			assert.Len(t, log.Requests, 2)
			end, _ := log.LastEnd()
			assert.Equal(t, record.EndServerDead, end.Reason)
			assert.Contains(t, end.Detail, "refused")
			var left []string
			for _, n := range skips(log) {
				assert.Equal(t, "server is dead: "+end.Detail, n.reason)
				left = append(left, n.cell)
			}
			assert.Equal(t, []string{"ctx=64/users=1", "ctx=64/users=2", "ctx=128/users=1", "ctx=128/users=2",
				"ctx=256/users=1", "ctx=256/users=2", "ctx=512/users=1"}, left)
		})
	}
}

// The kernel killed the watched server: the trial that saw it has the class, all other
// cells have the reason.
func TestSweepEndsWithTheServersOOMKill(t *testing.T) {
	srv := dying(t, 2)
	cfg := configFor(srv, newRun(t))
	cfg.ServerState = stateFile(t, stage.State{PID: 1, Exit: &stage.Exit{Code: -1, Signal: "SIGKILL", OOMKill: record.Some(true)}})
	s := open(t, srv, cfg, srv.fault)
	require.NoError(t, sweep(t.Context(), s, cells(64, 128, 256), 1))
	log := closed(t, s, record.EndComplete)
	assert.Equal(t, []record.Outcome{"ok"}, outcomes(log, cell(64, 1, 0)))
	assert.Equal(t, []record.Outcome{"oom_host"}, outcomes(log, cell(128, 1, 0)))
	reason := "server is dead: signal SIGKILL, oom_kill raised"
	assert.Equal(t, []skipped{{"ctx=256/users=1", reason}}, skips(log))
	end, _ := log.LastEnd()
	assert.Equal(t, record.End{Type: "end", Session: 1, Reason: record.EndServerDead, Detail: "signal SIGKILL, oom_kill raised"}, end)
}

// The server dies of a cell's warm-ups: they are all there will be of that cell, so
// they are its trial.
func TestSweepEndsWithAServerThatDiesOfWarmUps(t *testing.T) {
	srv := dying(t, 4)
	cfg := configFor(srv, newRun(t))
	cfg.Warmup = 2
	s := open(t, srv, cfg, srv.fault)
	require.NoError(t, sweep(t.Context(), s, cells(64, 128, 256), 1))
	log := closed(t, s, record.EndComplete)
	assert.Equal(t, []record.Outcome{"ok"}, outcomes(log, cell(64, 1, 0)))
	died := outcomes(log, cell(128, 1, 0))
	require.Len(t, died, 2)
	assert.NotContains(t, died, record.OK)
	assert.Len(t, log.NotRun, 1)
}

// The server dies between two trials, so that the first to notice is the request that
// counts the next prompt's tokens.
func TestSweepEndsWithAServerThatDiesBetweenTrials(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, newRun(t)), nil)
	require.NoError(t, sweep(t.Context(), s, cells(64), 1))
	srv.die()
	_, err := s.Trial(t.Context(), ContextWork(cell(128, 1, 0), 4))
	require.ErrorContains(t, err, "server is dead: ")
	assert.True(t, s.Dead())
	require.NoError(t, sweep(t.Context(), s, cells(128, 256), 1))
	log := closed(t, s, record.EndComplete)
	assert.Len(t, log.Trials, 1)
	var left []string
	for _, n := range skips(log) {
		left = append(left, n.cell)
	}
	assert.Equal(t, []string{"ctx=128/users=1", "ctx=256/users=1"}, left, "each once")
	end, _ := log.LastEnd()
	assert.Equal(t, record.EndServerDead, end.Reason)
}

// A prompt that can't be made says so, and does not bury a living server.
func TestImpossiblePromptIsNoDeadServer(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, newRun(t)), nil)
	_, err := s.Trial(t.Context(), ContextWork(cell(2, 1, 0), 4))
	require.ErrorContains(t, err, "prompt of 2 tokens: ")
	assert.False(t, s.Dead())
	assert.Empty(t, srv.received())
	require.ErrorIs(t, err, ErrNoPrompt)
	log := closed(t, s, record.EndComplete)
	assert.Empty(t, log.Trials)
	require.Len(t, log.NotRun, 1)
	assert.Contains(t, log.NotRun[0].Reason, "no prompt: prompt of 2 tokens")
	end, _ := log.LastEnd()
	assert.Equal(t, record.EndFailed, end.Reason, "nothing was measured")
	assert.Contains(t, end.Detail, "nothing was measured: no prompt")
}

// A stage is complete when its whole plan was measured or recorded as not run, and at no
// other time.
func TestCompleteMeansThePlan(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.Trials = 2
	s := open(t, srv, cfg, nil)
	cs := cells(64, 128)
	s.Plan(cs)
	require.NoError(t, sweep(t.Context(), s, cs[:1], 2))
	log := closed(t, s, record.EndComplete)
	end, _ := log.LastEnd()
	assert.Equal(t, record.EndFailed, end.Reason)
	assert.Equal(t, "ctx=128/users=1 has 0 of 2 trials", end.Detail)

	s = open(t, srv, cfg, nil)
	s.Plan(cs)
	require.NoError(t, sweep(t.Context(), s, cs, 2))
	log = closed(t, s, record.EndComplete)
	end, _ = log.LastEnd()
	assert.Equal(t, record.EndComplete, end.Reason)
}

// Trials of another model or server are not joined to those of this one.
func TestResumeOnAnotherServerIsRefused(t *testing.T) {
	dir := newRun(t)
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, dir), nil)
	require.NoError(t, sweep(t.Context(), s, cells(64), 1))
	closed(t, s, record.EndInterrupted)

	other := serve(t, "ideal", mockserver.Options{})
	_, err := Open(t.Context(), configFor(other, dir))
	require.ErrorContains(t, err, "has trials of fast-sim")
	require.ErrorContains(t, err, "now ideal-sim")
}
