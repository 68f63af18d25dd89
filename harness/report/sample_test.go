package report

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// Stages as users have them.
const (
	baseline = "baseline"
	aidaptiv = "aidaptiv"
)

var mock = record.Session{Engine: "mockserver (simulated)", Model: "sim-llama-8b", Quant: "q4_k_m", Simulated: true}

// sampleCell is one cell of a journal that a test makes up.
type sampleCell struct {
	ctx     int
	users   int // 0: 1
	trials  int
	ttft    time.Duration  // of the middle trial; 0: 50 ms and 0.1 ms a token
	spread  int            // trials are so many times further off the middle one; 0: 1
	outcome record.Outcome // of all requests; "": ok
	fails   int            // only so many trials, the last ones, have outcome; 0: all
	prompt  int            // tokens that the server counts; 0: as many as were sent
	notRun  string         // the cell is left out for this reason
	resume  bool           // a new session begins before this cell
	gone    bool           // the trial's own line is missing: killed
}

func (c sampleCell) name() string {
	return fmt.Sprintf("BenchmarkContext/ctx=%d/users=%d", c.ctx, max(c.users, 1))
}

// request makes up a request that starts at start. Trials are 0, ±1 and ±2 % off the
// middle one; each user waits 1 % longer than the one before.
func (c sampleCell) request(trial, user int, start int64) record.Request {
	r := record.Request{Cell: c.name(), Trial: trial, Index: user, User: user, Stamp: "user",
		Intended: record.Some(start), Start: record.Some(start), Wrote: record.Some(start + 1000),
		PromptWanted: c.ctx, PromptSent: c.ctx, PromptSource: "endpoint",
		PromptTokens: record.Some(cmp.Or(c.prompt, c.ctx)), CachedTokens: record.Some(0),
		OutputWanted: 3, OutputPinned: true, Status: 200, Prompt: fmt.Sprintf("p%d.%d.%d", c.ctx, trial, user),
		Outcome: cmp.Or(c.outcome, record.OK)}
	if c.fails > 0 && trial <= c.trials-c.fails {
		r.Outcome = record.OK
	}
	ttft := int64(cmp.Or(c.ttft, 50*time.Millisecond+time.Duration(c.ctx)*100*time.Microsecond))
	ttft += ttft * int64(((trial*2)%5-2)*max(c.spread, 1)+user) / 100
	if r.Outcome != record.OK {
		r.PromptTokens = record.Opt[int]{}
		if c.prompt > 0 {
			r.PromptTokens = record.Some(c.prompt)
		}
		r.End, r.Evidence = record.Some(start+ttft), "made up"
		return r
	}
	step := int64(20 * time.Millisecond)
	r.First, r.Answer, r.Last = record.Some(start+ttft), record.Some(start+ttft), record.Some(start+ttft+2*step)
	r.Done, r.End = record.Some(start+ttft+2*step), record.Some(start+ttft+2*step+1000)
	r.CompletionTokens, r.TokenSource, r.FinishReason, r.Terminated = record.Some(3), "server", "length", true
	r.Events = record.Events{Arrive: []int64{ttft, ttft + step, ttft + 2*step}, Kind: "ttt"}
	return r
}

// sampleRun makes an empty run of both stages.
func sampleRun(t *testing.T) *record.Dir {
	t.Helper()
	dir, err := record.Create(t.TempDir(), "sample", record.Run{Stages: []string{baseline, aidaptiv}, Simulated: true,
		Created: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), Tool: "test"})
	require.NoError(t, err)
	return dir
}

// sampleStage writes the journal of a stage.
func sampleStage(t *testing.T, dir *record.Dir, stage string, who record.Session, cells ...sampleCell) {
	t.Helper()
	j, _, err := record.OpenJournal(dir.Journal(stage))
	require.NoError(t, err)
	defer j.Close()
	who.Stage, who.PID, who.Version = stage, 1, "test"
	who.Epoch = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	_, err = j.Begin(who)
	require.NoError(t, err)
	at := int64(time.Second)
	for _, c := range cells {
		if c.resume {
			_, err = j.Begin(who)
			require.NoError(t, err)
			at = int64(time.Second)
		}
		if c.notRun != "" {
			require.NoError(t, j.NotRun(record.NotRun{Cell: c.name(), Reason: c.notRun}))
			continue
		}
		for trial := 1; trial <= c.trials; trial++ {
			end := at
			for user := range max(c.users, 1) {
				r := c.request(trial, user, at)
				end = max(end, r.End.Or(0))
				require.NoError(t, j.Request(&r))
			}
			if !c.gone {
				require.NoError(t, j.Trial(record.Trial{Cell: c.name(), Trial: trial, Start: at, End: end, Procs: 2}))
			}
			at = end + int64(10*time.Millisecond)
		}
	}
	require.NoError(t, j.End(record.End{Reason: record.EndComplete}))
}

// doubling is a sweep from 1024 up to last; the one at oom fails, those after it are
// not run. oom 0: none fails.
func doubling(last, oom, trials int, slower float64) []sampleCell {
	var cells []sampleCell
	for ctx := 1024; ctx <= last; ctx *= 2 {
		c := sampleCell{ctx: ctx, trials: trials,
			ttft: time.Duration(slower * float64(50*time.Millisecond+time.Duration(ctx)*300*time.Microsecond))}
		switch {
		case oom > 0 && ctx == oom:
			c.outcome = record.OOMGPU
		case oom > 0 && ctx > oom:
			c.notRun = fmt.Sprintf("sweep ended at ctx=%d/users=1: oom_gpu", oom)
		}
		cells = append(cells, c)
	}
	return cells
}

func load(t *testing.T, dir *record.Dir) []Stage {
	t.Helper()
	stages, err := loadAll(dir)
	require.NoError(t, err)
	return stages
}
