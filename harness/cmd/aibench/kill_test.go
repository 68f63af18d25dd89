//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// demo is the A/B of make bench, with fewer contexts.
const demo = `
calibrate: false # the mock is faster here than a client's error allows
endpoint: http://127.0.0.1:{port}/v1
contexts: [1024, 4096, 16384, 32768]
trials: 4
max_tokens: 32
stages:
  baseline:
    toggle: process
    command: [aibench, mock, -addr, "127.0.0.1:{port}", -profile, 8b-on-16gb, -stage, baseline]
  aidaptiv:
    toggle: process
    command: [aibench, mock, -addr, "127.0.0.1:{port}", -profile, 8b-on-16gb, -stage, aidaptiv]
`

// demoTrials are the finished trials that a complete demo has, by stage and context.
var demoTrials = map[string]map[string]int{
	"baseline": {"ctx=1024": 4, "ctx=4096": 4, "ctx=16384": 4, "ctx=32768": 4},
	"aidaptiv": {"ctx=1024": 4, "ctx=4096": 4, "ctx=16384": 4, "ctx=32768": 4},
}

// demoRun is a working directory with the demo in it.
type demoRun struct {
	t   *testing.T
	dir string
	env []string
}

func newDemo(t *testing.T, config string) demoRun {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "demo.yaml"), []byte(config), 0o600))
	return demoRun{t: t, dir: dir}
}

func (d demoRun) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(filepath.Join(bin, "aibench"), append([]string{"run", "-config", "demo.yaml", "-run-id", "r"}, args...)...)
	out := &bytes.Buffer{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.dir, out, out
	cmd.Env = append(os.Environ(), d.env...)
	// A killed aibench must not keep us waiting for those who inherited its output.
	cmd.WaitDelay = time.Second
	return cmd, out
}

func (d demoRun) journal(stage string) *record.Log {
	log, err := record.ReadLogFile(filepath.Join(d.dir, "results", "r", "journal_"+stage+".jsonl"))
	require.NoError(d.t, err)
	return log
}

// complete asserts that every planned trial is there once, in order.
func (d demoRun) complete() {
	for stage, cells := range demoTrials {
		log := d.journal(stage)
		for ctx, want := range cells {
			var got []int
			for _, trial := range log.Finished("BenchmarkContext/" + ctx + "/users=1") {
				got = append(got, trial.Trial.Trial)
				assert.Len(d.t, trial.Requests, 1)
			}
			assert.Equal(d.t, []int{1, 2, 3, 4}[:want], got, "%s %s", stage, ctx)
		}
		bench, err := os.ReadFile(filepath.Join(d.dir, "results", "r", "bench_"+stage+".txt"))
		require.NoError(d.t, err)
		assert.Equal(d.t, 16, strings.Count(string(bench), "\nBenchmark"), stage)
		end, ok := log.LastEnd()
		assert.True(d.t, ok)
		assert.Equal(d.t, record.EndComplete, end.Reason)
	}
}

// kill -9 at any instant, then the same command again: no trial is lost, none is done
// twice, and no server is left behind.
func TestKilledRunIsCompletedByItsNextStart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the demo a dozen times")
	}
	whole := newDemo(t, demo)
	begin := time.Now()
	cmd, out := whole.command()
	require.NoError(t, cmd.Run(), out)
	whole.complete()
	length := time.Since(begin)

	const kills = 6
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range kills {
		at := time.Duration((float64(i) + rng.Float64()) / kills * float64(length))
		t.Run(fmt.Sprintf("after %d of %d parts", i, kills), func(t *testing.T) {
			d := newDemo(t, demo)
			cmd, _ := d.command()
			require.NoError(t, cmd.Start())
			time.Sleep(at)
			require.NoError(t, cmd.Process.Kill())
			cmd.Wait()
			before := finished(t, d)

			cmd, out := d.command()
			require.NoError(t, cmd.Run(), out)
			d.complete()
			for trial, line := range before {
				assert.Equal(t, line, finished(t, d)[trial], "a finished trial stays as it was")
			}
			t.Logf("killed after %v: %d trials were there, the rest was measured", at.Round(time.Millisecond), len(before))
		})
	}
}

// finished maps each finished trial to its record.
func finished(t *testing.T, d demoRun) map[string]record.Trial {
	out := map[string]record.Trial{}
	for stage := range demoTrials {
		log, err := record.ReadLogFile(filepath.Join(d.dir, "results", "r", "journal_"+stage+".jsonl"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		for _, trial := range log.Trials {
			out[fmt.Sprint(stage, trial.Cell, trial.Trial)] = trial
		}
	}
	return out
}

// Ctrl-C ends the run with its own exit status, with files of all that was measured,
// and it can be continued.
func TestInterruptKeepsWhatWasMeasured(t *testing.T) {
	d := newDemo(t, demo)
	cmd, out := d.command()
	require.NoError(t, cmd.Start())
	waitForTrials(t, d, "baseline", 5)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	err := cmd.Wait()
	require.Error(t, err)
	assert.Equal(t, 130, cmd.ProcessState.ExitCode(), out)

	log := d.journal("baseline")
	end, ok := log.LastEnd()
	require.True(t, ok, out)
	assert.Equal(t, record.EndInterrupted, end.Reason)
	bench, err := os.ReadFile(filepath.Join(d.dir, "results", "r", "bench_baseline.txt"))
	require.NoError(t, err)
	assert.Equal(t, len(log.Trials), strings.Count(string(bench), "\nBenchmark"))
	run, err := record.Open(filepath.Join(d.dir, "results"), "r")
	require.NoError(t, err)
	assert.Contains(t, run.Run().Partial, "stage baseline did not end: interrupted")

	cmd, out = d.command()
	require.NoError(t, cmd.Run(), out)
	d.complete()
}

// waitForTrials waits until the stage's journal has n finished trials.
func waitForTrials(t *testing.T, d demoRun, stage string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		log, err := record.ReadLogFile(filepath.Join(d.dir, "results", "r", "journal_"+stage+".jsonl"))
		if err == nil && len(log.Trials) >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the trials did not come")
}

// A server of ours that dies ends the stage with the reason. What was planned beyond
// is recorded as not run; nothing is measured against a dead port.
func TestDeadServerEndsTheStage(t *testing.T) {
	d := newDemo(t, strings.Replace(demo, "8b-on-16gb, -stage, baseline]", "fast, -stage, baseline, -oom, kill]", 1))
	cmd, out := d.command("-contexts", "1024,16384,32768")
	require.NoError(t, cmd.Run(), out)
	log := d.journal("baseline")
	end, _ := log.LastEnd()
	assert.Equal(t, record.EndServerDead, end.Reason)
	assert.Contains(t, end.Detail, "SIGKILL")
	assert.Len(t, log.Finished("BenchmarkContext/ctx=1024/users=1"), 4)
	// The mock's last words name CUDA's out of memory; it died in the warm-up, which
	// thereby is the cell's only trial.
	died := log.Finished("BenchmarkContext/ctx=16384/users=1")
	require.Len(t, died, 1)
	assert.Equal(t, record.OOMGPU, died[0].Requests[0].Outcome)
	assert.Contains(t, died[0].Requests[0].Evidence, "SIGKILL")
	for _, r := range log.Requests {
		assert.NotEqual(t, record.Connection, r.Outcome, "a request against a dead port")
	}
	require.Len(t, log.NotRun, 2, "the rest of the cell that died, and the cell beyond")
	assert.Equal(t, "BenchmarkContext/ctx=32768/users=1", log.NotRun[1].Cell)
	assert.Contains(t, out.String(), "the server died: signal SIGKILL")
	assert.Contains(t, out.String(), "OOM (GPU) 1/1")
}

// What a dead server ended can be continued, and a session that does not even begin is
// an error, however the one before it ended.
func TestContinuedStageIsJudgedByItsOwnEnd(t *testing.T) {
	d := newDemo(t, strings.Replace(demo, "8b-on-16gb, -stage, baseline]", "fast, -stage, baseline, -oom, kill]", 1))
	cmd, out := d.command("-contexts", "1024,16384", "-stage", "baseline")
	require.NoError(t, cmd.Run(), out)
	end, _ := d.journal("baseline").LastEnd()
	require.Equal(t, record.EndServerDead, end.Reason)

	cmd, out = d.command("-contexts", "1024,16384", "-stage", "baseline",
		"-baseline-command", `["aibench","mock","-addr","127.0.0.1:{port}","-profile","null"]`)
	require.Error(t, cmd.Run(), out)
	assert.Contains(t, out.String(), "stage baseline has trials of fast-sim")
	assert.NotContains(t, out.String(), "ended early")

	cmd, out = d.command("-contexts", "1024,16384", "-stage", "baseline",
		"-baseline-command", `["aibench","mock","-addr","127.0.0.1:{port}","-profile","fast","-stage","aidaptiv"]`)
	require.NoError(t, cmd.Run(), out)
	end, _ = d.journal("baseline").LastEnd()
	assert.Equal(t, record.EndComplete, end.Reason)
	assert.Len(t, d.journal("baseline").Finished("BenchmarkContext/ctx=16384/users=1"), 4)
}

// The API key comes from the environment and goes nowhere else.
func TestAPIKeyIsWrittenNowhere(t *testing.T) {
	const key = "sk-aibench-secret-4711"
	config := strings.ReplaceAll(demo, "-profile, 8b-on-16gb", "-profile, fast, -api-key-env, MY_KEY") + "api_key_env: MY_KEY\n"
	d := newDemo(t, config)
	d.env = []string{"MY_KEY=" + key}
	cmd, out := d.command("-contexts", "1024", "-trials", "2", "-v")
	require.NoError(t, cmd.Run(), out)
	assert.Contains(t, out.String(), "ok 2/2", "the mock demands the key")
	assert.NotContains(t, out.String(), key)
	files := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(d.dir, "results"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		assert.NotContains(t, string(b), key, path)
		return err
	}))
	assert.Greater(t, files, 10)
}
