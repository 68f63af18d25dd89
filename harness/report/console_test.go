package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

func console(t *testing.T, dir *record.Dir) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteConsole(&b, dir))
	return b.String()
}

func TestConsoleOfTwoStages(t *testing.T) {
	golden(t, "testdata/two_stages.txt", console(t, fullRun(t)))
}

// Everything that a reader must not overlook: a partial run, notes, an INVALID cell, a
// mixed one, one that was not run.
func TestConsoleOfOneStage(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock,
		sampleCell{ctx: 1024, trials: 6}, sampleCell{ctx: 2048, trials: 6, outcome: record.Timeout, fails: 2},
		sampleCell{ctx: 4096, trials: 3, prompt: 2000}, sampleCell{ctx: 8192, trials: 6, outcome: record.OOMHost},
		sampleCell{ctx: 16384, notRun: "sweep ended at ctx=8192/users=1: oom_host"})
	require.NoError(t, dir.Update(func(r *record.Run) { r.Partial = "interrupted before stage aidaptiv" }))
	j, _, err := record.OpenJournal(dir.Journal(baseline))
	require.NoError(t, err)
	_, err = j.Begin(record.Session{Stage: baseline, Engine: mock.Engine, Model: mock.Model, Quant: mock.Quant})
	require.NoError(t, err)
	require.NoError(t, j.Note(record.Note{Text: "telemetry missed 3 of 100 ticks"}))
	require.NoError(t, j.Close())
	golden(t, "testdata/one_stage.txt", console(t, dir))
}

func TestConsoleOfNothing(t *testing.T) {
	require.ErrorContains(t, WriteConsole(&bytes.Buffer{}, sampleRun(t)), "run sample: nothing has been measured")
}

func TestSummaryWithoutOK(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock, sampleCell{ctx: 1024, trials: 2, outcome: record.OOMGPU}, sampleCell{ctx: 2048, trials: 1, outcome: record.ServerDead})
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, WriteSummary(&b, s.Name, s.Requests()))
	assert.Contains(t, b.String(), "baseline: 3 requests: 2 OOM (GPU), 1 server dead\n")
	assert.NotContains(t, b.String(), "TTFT", "no figure of what failed")
	assert.NotContains(t, b.String(), "NaN")
	assert.Contains(t, b.String(), "tokens in 0 (of 0 requests that report them), out 0 (of 0)")

	// A stream that stalled had its first token; that is no TTFT to quote.
	b.Reset()
	stalled := record.Request{Outcome: record.Stalled, Start: record.Some[int64](1e9), First: record.Some[int64](2e9)}
	require.NoError(t, WriteSummary(&b, "stalled", []record.Request{stalled}))
	assert.NotContains(t, b.String(), "TTFT")

	b.Reset()
	require.NoError(t, WriteSummary(&b, "empty", nil))
	assert.Contains(t, b.String(), "empty: 0 requests: none counted")
}
