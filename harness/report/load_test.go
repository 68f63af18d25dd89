package report

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/verdict"
)

func names(s Stage) []string {
	var out []string
	for _, c := range s.Cells {
		out = append(out, c.Name)
	}
	return out
}

func TestLoad(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock,
		sampleCell{ctx: 2048, trials: 3, users: 2, ttft: 100 * time.Millisecond},
		sampleCell{ctx: 1024, trials: 2},
		sampleCell{ctx: 4096, trials: 6, outcome: record.OOMHost, fails: 5},
		sampleCell{ctx: 8192, trials: 1, prompt: 4096, outcome: record.PromptTruncated},
		sampleCell{ctx: 16384, notRun: "sweep ended at ctx=8192/users=1: prompt_truncated"})
	s, err := Load(dir, baseline)
	require.NoError(t, err)

	assert.Equal(t, []string{"BenchmarkContext/ctx=2048/users=2", "BenchmarkContext/ctx=1024/users=1", "BenchmarkContext/ctx=4096/users=1",
		"BenchmarkContext/ctx=8192/users=1", "BenchmarkContext/ctx=16384/users=1"}, names(s), "as they were measured")
	first := s.Cells[0]
	assert.Equal(t, 2048, first.Ctx)
	assert.Len(t, first.Trials, 3)
	assert.Equal(t, map[record.Outcome]int{record.OK: 6}, first.Outcomes, "two requests a trial")
	require.Len(t, first.Lines, 3)
	ttft, ok := first.Lines[0].Get(metric.TTFT)
	require.True(t, ok)
	assert.Equal(t, 100.5e6, ttft, "100 and 101 ms")
	assert.Equal(t, 2, first.Lines[0].Procs)
	assert.Equal(t, verdict.Valid, first.Validity.Status)

	oom := s.Cells[2]
	assert.Equal(t, map[record.Outcome]int{record.OK: 1, record.OOMHost: 5}, oom.Outcomes)
	assert.Equal(t, verdict.Valid, oom.Validity.Status, "a failure is a result")
	_, ok = oom.Lines[5].Get(metric.TTFT)
	assert.False(t, ok, "no figure of a failed trial")

	assert.Equal(t, verdict.Invalid, s.Cells[3].Validity.Status)
	assert.NotEmpty(t, s.Cells[3].Validity.Reasons)
	left := s.Cells[4]
	assert.Equal(t, "sweep ended at ctx=8192/users=1: prompt_truncated", left.NotRun)
	assert.Empty(t, left.Trials)
	assert.Len(t, s.Requests(), 6+2+6+1)
	assert.Equal(t, "sim-llama-8b", s.Session().Model)
}

// A resumed stage: what an earlier session left out was measured later, and a trial
// that was killed counts nowhere.
func TestLoadOfResumedStage(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock,
		sampleCell{ctx: 1024, trials: 2},
		sampleCell{ctx: 2048, trials: 1, gone: true},
		sampleCell{ctx: 4096, notRun: "server is dead: signal killed"},
		sampleCell{ctx: 8192, notRun: "server is dead: signal killed"},
		sampleCell{ctx: 2048, trials: 2, resume: true},
		sampleCell{ctx: 4096, trials: 2},
		sampleCell{ctx: 8192, notRun: "sweep ended"})
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	assert.Equal(t, []string{"BenchmarkContext/ctx=1024/users=1", "BenchmarkContext/ctx=2048/users=1",
		"BenchmarkContext/ctx=4096/users=1", "BenchmarkContext/ctx=8192/users=1"}, names(s), "each once")
	assert.Len(t, s.Cells[1].Trials, 2)
	assert.Equal(t, map[record.Outcome]int{record.OK: 2}, s.Cells[1].Outcomes, "the killed attempt is not counted")
	assert.Empty(t, s.Cells[2].NotRun, "it was run after all")
	assert.Len(t, s.Cells[2].Trials, 2)
	assert.NotEmpty(t, s.Cells[3].NotRun)
	assert.Len(t, s.Log.Sessions, 2)
	assert.Equal(t, 2, s.Session().Session, "the latest")
}

func TestLoadErrors(t *testing.T) {
	dir := sampleRun(t)
	_, err := Load(dir, baseline)
	require.ErrorIs(t, err, fs.ErrNotExist)
	stages, err := loadAll(dir)
	require.NoError(t, err, "a stage that has not begun is no error")
	assert.Empty(t, stages)
	assert.Equal(t, record.Session{}, Stage{Log: &record.Log{}}.Session())

	require.NoError(t, os.WriteFile(dir.Journal(baseline), []byte("{broken\n"), 0o644))
	_, err = loadAll(dir)
	require.ErrorContains(t, err, "journal_baseline.jsonl:1")
}

func TestCompareTakesInvalidAndEstimated(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock, sampleCell{ctx: 1024, trials: 6}, sampleCell{ctx: 2048, trials: 6, prompt: 1000})
	sampleStage(t, dir, aidaptiv, mock, sampleCell{ctx: 1024, trials: 6}, sampleCell{ctx: 2048, notRun: "sweep ended"})
	stages := load(t, dir)
	stages[1].Cells[0].Trials[0].Requests[0].TokenSource = "events"
	r := Compare(stages[0], stages[1])
	require.Len(t, r.Rows, 2)
	assert.Equal(t, []string{baseline, aidaptiv}, []string{r.A, r.B})
	assert.True(t, r.Rows[0].A.OK)
	assert.True(t, r.Rows[0].B.Estimated)
	assert.NotEmpty(t, r.Rows[1].A.Invalid)
	assert.Equal(t, "sweep ended", r.Rows[1].B.NotRun)
}
