package session

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/mockserver"
)

// shown is a progress on a clock of its own.
type shown struct {
	*progress
	out bytes.Buffer
	at  time.Time
}

func show(trials int, cells []scenario.Cell) *shown {
	s := &shown{at: time.Unix(0, 0)}
	s.progress = newProgress(Config{Stage: "baseline", Trials: trials, Progress: &s.out})
	s.now = func() time.Time { return s.at }
	s.plan(cells)
	return s
}

// measure passes the time of a trial and shows it.
func (s *shown) measure(c scenario.Cell, n int, took time.Duration, rs ...record.Request) {
	s.working(c, "trial")
	s.at = s.at.Add(took)
	s.trial(c, Measured{TrialData: record.TrialData{Trial: record.Trial{Trial: n, Requests: len(rs)}, Requests: rs}})
}

// good has a TTFT of 5 ms and decodes 4 tokens in 4 ms.
func good() record.Request {
	return record.Request{Outcome: record.OK, Start: record.Some[int64](0), First: record.Some[int64](5e6), Last: record.Some[int64](9e6),
		CompletionTokens: record.Some(5), TokenSource: "server"}
}

func bad(o record.Outcome) record.Request { return record.Request{Outcome: o} }

// Cells of 2048 and 6144 tokens weigh 1 to 2.
func TestProgressLines(t *testing.T) {
	cs := cells(2048, 6144)
	s := show(2, cs)
	s.measure(cs[0], 1, 10*time.Second, good())
	s.at = s.at.Add(2 * time.Second) // what lies between trials belongs to the pace
	s.measure(cs[0], 2, 8*time.Second, good(), good())
	s.measure(cs[1], 1, 40*time.Second, bad(record.OOMGPU), good(), bad(record.Timeout))
	s.measure(cs[1], 2, 40*time.Second, bad(record.Timeout))
	assert.Equal(t, `baseline  ctx=2048/users=1       trial 1/2  ok  TTFT 5.00 ms  decode 1000 tok/s  [17 %, about 50s left]
baseline  ctx=2048/users=1       trial 2/2  ok  TTFT 5.00 ms  decode 1000 tok/s  [33 %, about 40s left]
baseline  ctx=6144/users=1       trial 1/2  1 of 3 ok (oom_gpu)  TTFT 5.00 ms  decode 1000 tok/s  [67 %, about 30s left]
baseline  ctx=6144/users=1       trial 2/2  0 of 1 ok (timeout)
`, s.out.String())
}

// What is not run takes no time, and neither does what the journal gave back: only
// what is measured here sets the pace.
func TestProgressOfAResumedSweep(t *testing.T) {
	cs := cells(2048, 6144, 14336)
	s := show(2, cs)
	s.trial(cs[0], Measured{record.TrialData{Trial: record.Trial{Trial: 1}, Requests: []record.Request{good()}}, true})
	s.at = s.at.Add(time.Hour) // nothing has been measured yet
	s.measure(cs[0], 2, 10*time.Second, good())
	s.measure(cs[1], 1, 20*time.Second, bad(record.OOMGPU))
	s.notRun(cs[2], "sweep ended at ctx=6144/users=1: oom_gpu")
	s.measure(cs[1], 2, 20*time.Second, bad(record.OOMGPU))
	assert.Equal(t, `baseline  ctx=2048/users=1       trial 1/2  ok  TTFT 5.00 ms  decode 1000 tok/s  (from the journal)
baseline  ctx=2048/users=1       trial 2/2  ok  TTFT 5.00 ms  decode 1000 tok/s  [14 %, about 2m0s left]
baseline  ctx=6144/users=1       trial 1/2  0 of 1 ok (oom_gpu)  [29 %, about 1m40s left]
baseline  ctx=14336/users=1      not run: sweep ended at ctx=6144/users=1: oom_gpu
baseline  ctx=6144/users=1       trial 2/2  0 of 1 ok (oom_gpu)
`, s.out.String())
}

// Without a plan nobody knows what is left.
func TestProgressWithoutAPlan(t *testing.T) {
	s := show(0, cells(64))
	s.measure(cell(64, 1, 0), 1, time.Second, good())
	s.measure(scenario.Cell{Benchmark: "Prompts", Suite: "own", PromptID: "a"}, 3, time.Second, good())
	assert.Equal(t, `baseline  ctx=64/users=1         trial 1  ok  TTFT 5.00 ms  decode 1000 tok/s
baseline  suite=own/prompt=a     trial 3  ok  TTFT 5.00 ms  decode 1000 tok/s
`, s.out.String())
}

// The pace counts the first trial too, where no warm-up went before it.
func TestProgressOfASession(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	var clock atomic.Int64 // seconds
	var out bytes.Buffer
	cfg := configFor(srv, newRun(t))
	cfg.Progress, cfg.Trials = &out, 2
	s := open(t, srv, cfg, func(generation) string { clock.Add(10); return "oom" })
	s.show.now = func() time.Time { return time.Unix(clock.Load(), 0) }
	s.Plan(cells(64, 128))
	require.NoError(t, sweep(t.Context(), s, cells(64, 128), 2))
	assert.Equal(t, `baseline  ctx=64/users=1         trial 1/2  0 of 1 ok (oom_gpu)  [25 %, about 31s left]
          oom_gpu: HTTP 500: {"error":{"code":500,"message":"CUDA out of memory. Tried to allocate 0.00 GiB. GPU 0 has ...
baseline  ctx=64/users=1         trial 2/2  0 of 1 ok (oom_gpu)  [49 %, about 21s left]
baseline  ctx=128/users=1        not run: sweep ended at ctx=64/users=1: oom_gpu
`, out.String())
}

// betweenTrials is a writer that no trial may be disturbed by.
type betweenTrials struct {
	t        *testing.T
	srv      *server
	perTrial int

	mu     sync.Mutex
	writes int
}

func (w *betweenTrials) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	assert.Zero(w.t, w.srv.inFlight.Load(), "written during a request: %q", p)
	assert.Zero(w.t, len(w.srv.received())%w.perTrial, "written within a trial: %q", p)
	return len(p), nil
}

// A terminal or a pipe that is slow to take a line must not be waited for, nor take
// the processor, while requests run (trap 31).
func TestProgressIsSilentDuringTrials(t *testing.T) {
	for name, terminal := range map[string]bool{"lines": false, "bar": true} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, "ideal", mockserver.Options{})
			w := &betweenTrials{t: t, srv: srv, perTrial: 4}
			cfg := configFor(srv, newRun(t))
			cfg.Progress, cfg.Terminal, cfg.Trials, cfg.Warmup = w, terminal, 2, 4
			s := open(t, srv, cfg, nil)
			cs := scenario.Sweep([]int{64, 128}, []int{2}, 4)
			s.Plan(cs)
			require.NoError(t, sweep(t.Context(), s, cs, 2))
			require.NoError(t, s.Close(record.EndComplete))
			assert.GreaterOrEqual(t, w.writes, 4)
		})
	}
}
