package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"aibench/harness/record"
	"aibench/harness/verdict"
)

// A cell that a dying server cut short must not pass for a stable one; a cell that
// failed has said so already.
func TestCutShort(t *testing.T) {
	dead := record.NotRun{Session: 1, Reason: "server is dead: signal SIGKILL"}
	for _, c := range []struct {
		name     string
		outcomes map[record.Outcome]int
		session  int // of the last trial
		left     record.NotRun
		want     verdict.Status
	}{
		{"whole", map[record.Outcome]int{record.OK: 6}, 1, record.NotRun{}, verdict.Valid},
		{"cut", map[record.Outcome]int{record.OK: 2}, 1, dead, verdict.Invalid},
		{"continued", map[record.Outcome]int{record.OK: 6}, 2, dead, verdict.Valid},
		{"failed", map[record.Outcome]int{record.OK: 1, record.OOMGPU: 1}, 1, dead, verdict.Valid},
	} {
		trials := []record.TrialData{{Trial: record.Trial{Session: 1}}, {Trial: record.Trial{Session: c.session}}}
		cell := Cell{Outcomes: c.outcomes, Trials: trials, Validity: verdict.Validity{Status: verdict.Valid}}
		cell.cutShort(c.left)
		assert.Equal(t, c.want, cell.Validity.Status, c.name)
		if c.want == verdict.Invalid {
			assert.Equal(t, []string{"cut short after 2 trials: server is dead: signal SIGKILL"}, cell.Validity.Reasons)
		}
	}
}

// Two models are no A and B of one.
func TestStagesOfDifferentModelsAreNotCompared(t *testing.T) {
	stage := func(name, model string) Stage {
		return Stage{Name: name, Log: &record.Log{Sessions: []record.Session{{Engine: "vllm 0.9", Model: model}}},
			Cells: []Cell{{Name: "BenchmarkContext/ctx=512/users=1", Ctx: 512, Validity: verdict.Validity{Status: verdict.Valid}}}}
	}
	r := Compare(stage("baseline", "llama"), stage("aidaptiv", "llama"))
	assert.Empty(t, r.Rows[0].B.Invalid)
	r = Compare(stage("baseline", "llama"), stage("aidaptiv", "qwen"))
	assert.Equal(t, []string{`not the same as in baseline: model was "llama" and is "qwen"`}, r.Rows[0].B.Invalid)
}
