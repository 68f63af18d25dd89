package report

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/harness/verdict"
)

// searched is a run with a capacity search: its steps' trials, and its outcome.
func searched(t *testing.T, complete bool) *record.Dir {
	t.Helper()
	dir := sampleRun(t)
	j, _, err := record.OpenJournal(dir.Journal(baseline))
	require.NoError(t, err)
	defer j.Close()
	who := mock
	who.Stage, who.SLO = baseline, "ttft-p90=2s"
	_, err = j.Begin(who)
	require.NoError(t, err)
	for users, name := range map[int]string{1: "BenchmarkCapacity/ctx=64/users=1", 2: "BenchmarkCapacity/ctx=64/users=2"} {
		for i := range users {
			r := sampleCell{ctx: 64}.request(1, i, 1000)
			r.Cell, r.Trial, r.Index = name, 1, i
			require.NoError(t, j.Request(&r))
		}
		require.NoError(t, j.Trial(record.Trial{Cell: name, Trial: 1, Start: 1000, End: 1e9, Procs: 2}))
	}
	require.NoError(t, j.Capacity(record.Capacity{Cell: "BenchmarkCapacity/ctx=64", Search: 1, Procs: 2, SLO: who.SLO,
		MaxOK: record.Some(1), Confidence: 0.95, Requests: 3, Complete: complete, Warnings: []string{"look here"},
		Steps: []record.CapacityStep{{Load: 1, Verdict: "pass", Requests: 1, Reason: "all meet it"}, {Load: 2, Verdict: "undecided", Requests: 2}}}))
	require.NoError(t, j.End(record.End{Reason: record.EndComplete}))
	return dir
}

func TestCapacityOfAJournal(t *testing.T) {
	dir := searched(t, true)
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	require.Len(t, s.Cells, 1)
	assert.Equal(t, verdict.Valid, s.Cells[0].Validity.Status)
	assert.Len(t, s.Steps, 2)
	assert.Len(t, s.Requests(), 3)
	assert.Empty(t, s.comparable().Cells)

	_, err = WriteRun(dir)
	require.NoError(t, err)
	bench, err := os.ReadFile(dir.Bench(baseline))
	require.NoError(t, err)
	assert.Contains(t, string(bench), "\nBenchmarkCapacity/ctx=64-2\t       1\t         1.000 max-ok-users\n")
	assert.NotContains(t, string(bench), "users=2", "a step is no line")
	results, err := os.ReadFile(dir.Results(baseline))
	require.NoError(t, err)
	assert.Contains(t, string(results), `"BenchmarkCapacity/ctx=64/users=2"`)

	var out strings.Builder
	require.NoError(t, WriteConsole(&out, dir))
	assert.True(t, strings.HasSuffix(out.String(), `
baseline: Capacity/ctx=64: 1 users meet the objectives (confidence 95 %, 2 steps, 3 requests)
objectives: ttft-p90=2s
  users  verdict    requests  decided by
  1      pass       1         all meet it
  2      undecided  2         -
warning: look here
`), out.String())
	assert.NotContains(t, out.String(), "trials", "there is no table of trials")
}

func TestSearchThatWasBrokenOff(t *testing.T) {
	s, err := Load(searched(t, false), baseline)
	require.NoError(t, err)
	assert.Equal(t, verdict.Validity{Status: verdict.Inconclusive, Reasons: []string{"look here"}}, s.Cells[0].Validity)
}

func TestMostInFlight(t *testing.T) {
	at := func(start, end int64) record.Request {
		return record.Request{Start: record.Some(start), End: record.Some(end)}
	}
	assert.Equal(t, 1, mostInFlight(nil))
	assert.Equal(t, 1, mostInFlight([]record.TrialData{{Requests: []record.Request{at(1, 5), at(5, 9)}}}))
	assert.Equal(t, 3, mostInFlight([]record.TrialData{
		{Requests: []record.Request{at(1, 5), at(2, 9)}},
		{Requests: []record.Request{at(1, 9), at(2, 8), at(3, 7), at(8, 10)}}}))
}

func TestSweptContext(t *testing.T) {
	for name, want := range map[string]int{
		"BenchmarkContext/ctx=64/users=4": 64, "BenchmarkConcurrency/ctx=64/users=4": 0,
		"BenchmarkRate/rps=2/ctx=64": 0, "BenchmarkCapacity/ctx=64": 0, "BenchmarkPrompts/suite=own": 0,
	} {
		assert.Equal(t, want, sweptCtx(name), name)
	}
}
