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
	for _, c := range []struct {
		name     string
		outcomes map[record.Outcome]int
		reason   string
		want     verdict.Status
	}{
		{"whole", map[record.Outcome]int{record.OK: 6}, "", verdict.Valid},
		{"cut", map[record.Outcome]int{record.OK: 2}, "server is dead: signal SIGKILL", verdict.Invalid},
		{"failed", map[record.Outcome]int{record.OK: 1, record.OOMGPU: 1}, "server is dead: signal SIGKILL", verdict.Valid},
	} {
		cell := Cell{Outcomes: c.outcomes, Trials: make([]record.TrialData, 2), Validity: verdict.Validity{Status: verdict.Valid}}
		cell.cutShort(c.reason)
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
