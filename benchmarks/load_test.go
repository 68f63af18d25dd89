package benchmarks

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/report"
)

// four is a machine that serves exactly four requests at once, each for 22 ms, of which
// the first 2 pass before the first token (asked for 5 tokens): 182 requests per
// second, whatever is asked of it.
func four(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "four.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`name: four
model: four-sim
max_model_len: 100000
max_seqs: 4
kv_bytes_per_token: 1
request_overhead_s: 0.002
token_overhead_s: 0.005
tiers: [{name: vram, bytes: 1e12}]
stages: {baseline: {tiers: [vram]}, aidaptiv: {tiers: [vram]}}
`), 0o600))
	return path
}

// fourRun runs a benchmark of the suite on that machine, and reads its lines.
func fourRun(t *testing.T, args ...string) (lines map[string]metric.Line, stdout, progress string) {
	t.Helper()
	stdout, progress = suiteRun(t, append([]string{"-mock-profile", four(t), "-max-tokens", "5", "-contexts", "64"}, args...)...)
	read, _, err := metric.ReadFile(strings.NewReader(stdout), "stdout")
	require.NoError(t, err)
	lines = map[string]metric.Line{}
	for _, l := range read {
		lines[l.Name] = l
	}
	return lines, stdout, progress
}

func value(t *testing.T, lines map[string]metric.Line, name, unit string) float64 {
	t.Helper()
	v, ok := lines[name].Get(unit)
	require.True(t, ok, "%s has no %s", name, unit)
	return v
}

// Throughput grows with the users up to four, and no further; from there on they wait
// for each other, and what they get is of no use to most.
func TestConcurrencyOnAMachineOfFour(t *testing.T) {
	lines, _, _ := fourRun(t, "-test.bench=Concurrency", "-users", "8,1,2,4", "-requests", "40", "-slo", "ttft=14ms")
	require.Len(t, lines, 4)
	of := func(users, unit string) float64 {
		return value(t, lines, "BenchmarkConcurrency/ctx=64/users="+users, unit)
	}
	// Orders and wide ratios only: the machine below the mock is shared.
	assert.Greater(t, of("2", metric.System), 1.2*of("1", metric.System))
	assert.Greater(t, of("4", metric.System), 1.2*of("2", metric.System))
	assert.Less(t, of("8", metric.System), 1.5*of("4", metric.System), "eight users get no more than four")
	assert.Less(t, of("8", metric.Goodput), of("4", metric.Goodput))
	assert.Less(t, of("8", metric.GoodputRate), of("4", metric.GoodputRate))
	assert.Greater(t, of("8", metric.TTFT), of("4", metric.TTFT))
	_, ok := lines["BenchmarkConcurrency/ctx=64/users=8"].Get(metric.GapP99)
	assert.True(t, ok, "40 requests have 160 gaps")
}

// Below 182 requests per second nobody waits; above, the queue grows to the end of the
// trial. All that was planned stands in the journal.
func TestRateOnAMachineOfFour(t *testing.T) {
	dir, err := record.Create(t.TempDir(), "r", record.Run{Stages: []string{"baseline"}})
	require.NoError(t, err)
	lines, _, _ := fourRun(t, "-test.bench=Rate", "-rates", "2.5,800,40", "-rate-duration", "500ms", "-slo", "ttft-p90=14ms",
		"-run-dir", dir.Path())
	require.Len(t, lines, 3)
	of := func(rate, unit string) float64 { return value(t, lines, "BenchmarkRate/rps="+rate+"/ctx=64", unit) }
	assert.Greater(t, of("800", metric.TTFTSched), 3*of("40", metric.TTFTSched))
	assert.Less(t, of("800", metric.Goodput), of("40", metric.Goodput))
	assert.GreaterOrEqual(t, of("40", metric.TTFTSched), of("40", metric.TTFT))

	log, err := record.ReadLogFile(dir.Journal("baseline"))
	require.NoError(t, err)
	for cell, want := range map[string]int{"rps=2.5": 1, "rps=40": 20, "rps=800": 400} {
		name := "BenchmarkRate/" + cell + "/ctx=64"
		trials := log.Finished(name)
		require.Len(t, trials, 1, cell)
		assert.Len(t, trials[0].Requests, want, cell)
		assert.Len(t, log.Warmups(name), (want+4)/5, "the lead-in, which no figure counts")
		intended := int64(0)
		for _, r := range trials[0].Requests {
			at, ok := r.Intended.Get()
			require.True(t, ok)
			assert.Greater(t, at, intended)
			intended = at
		}
	}
}

// What the suite prints of loads, objectives and capacity is what the journal gives.
func TestRebuiltLoadEqualsStdout(t *testing.T) {
	dir, err := record.Create(t.TempDir(), "r", record.Run{Stages: []string{"baseline"}})
	require.NoError(t, err)
	stdout, progress := suiteRun(t, "-test.bench=Concurrency|Rate|Capacity", "-contexts", "64", "-users", "1,3", "-rates", "40",
		"-rate-duration", "500ms", "-slo", "ttft-p80=5s", "-run-dir", dir.Path())
	assert.Contains(t, progress, "ctx=64/users=1: pass: ttft-p80=5s")
	s, err := report.Load(dir, "baseline")
	require.NoError(t, err)
	require.NoError(t, report.WriteStage(dir, s))
	rebuilt, err := os.ReadFile(dir.Bench("baseline"))
	require.NoError(t, err)
	assert.Equal(t, benchmarkLines(stdout), benchmarkLines(string(rebuilt)))
	assert.Len(t, benchmarkLines(stdout), 4)
	assert.Contains(t, stdout, metric.Goodput)
	assert.Contains(t, stdout, metric.MaxOKUsers)
	var shown bytes.Buffer
	require.NoError(t, report.WriteConsole(&shown, dir))
	assert.Contains(t, shown.String(), "objectives: ttft-p80=5s\n  users  verdict")
	assert.Contains(t, shown.String(), "warning: nothing up to the maximum of 3 was shown to fail")
	assert.NotContains(t, shown.String(), "max stable context", "no context is swept")
}

// The truth by construction lies in the bracket: four users are served at once, and of
// five each fifth request waits. A search that was cut off in the middle goes on from
// its trials and comes to the same end.
func TestCapacityOfAMachineOfFour(t *testing.T) {
	dir, err := record.Create(t.TempDir(), "r", record.Run{Stages: []string{"baseline"}})
	require.NoError(t, err)
	args := []string{"-test.bench=Capacity", "-users", "1,8", "-slo", "ttft-p90=14ms", "-run-dir", dir.Path()}
	lines, _, _ := fourRun(t, args...)
	holdsFour := func(lines map[string]metric.Line) {
		t.Helper()
		assert.LessOrEqual(t, value(t, lines, "BenchmarkCapacity/ctx=64", metric.MaxOKUsers), 4.0)
		assert.Greater(t, value(t, lines, "BenchmarkCapacity/ctx=64", metric.MinFailUsers), 4.0)
	}
	holdsFour(lines)
	log, err := record.ReadLogFile(dir.Journal("baseline"))
	require.NoError(t, err)
	require.Greater(t, len(log.Trials), 8)

	cutAfterTrials(t, dir.Journal("baseline"), 8)
	again, _, progress := fourRun(t, args...)
	assert.Equal(t, 8, strings.Count(progress, "(from the journal)"))
	holdsFour(again)
	log, err = record.ReadLogFile(dir.Journal("baseline"))
	require.NoError(t, err)
	require.Len(t, log.Capacities, 1)
	requests := 0
	for _, step := range log.Capacities[0].Steps {
		requests += step.Requests
	}
	assert.Equal(t, log.Capacities[0].Requests, requests)
	trials := 0
	for _, trial := range log.Trials {
		trials += trial.Requests
	}
	assert.Equal(t, requests, trials, "every step's requests are trials of the journal, and none is there twice")

	// A complete one is replayed to its end and not written again.
	_, _, progress = fourRun(t, args...)
	assert.Equal(t, len(log.Trials), strings.Count(progress, "(from the journal)"))
	log, err = record.ReadLogFile(dir.Journal("baseline"))
	require.NoError(t, err)
	assert.Len(t, log.Capacities, 1)
}

// cutAfterTrials leaves a journal as a kill does, after its n-th trial.
func cutAfterTrials(t *testing.T, path string, n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var kept []byte
	for l := range bytes.Lines(b) {
		kept = append(kept, l...)
		if bytes.HasPrefix(l, []byte(`{"type":"trial"`)) {
			if n--; n == 0 {
				break
			}
		}
	}
	require.Zero(t, n)
	require.NoError(t, os.WriteFile(path, kept, 0o600))
}

// Where one user is too many already, longer contexts are not searched.
func TestCapacityThatNobodyHas(t *testing.T) {
	dir, err := record.Create(t.TempDir(), "r", record.Run{Stages: []string{"baseline"}})
	require.NoError(t, err)
	lines, _, progress := fourRun(t, "-test.bench=Capacity", "-contexts", "64,128", "-slo", "ttft=1ms", "-run-dir", dir.Path())
	l := lines["BenchmarkCapacity/ctx=64"]
	_, ok := l.Get(metric.MaxOKUsers)
	assert.False(t, ok, "absent is not zero")
	assert.Equal(t, []metric.Value{{Unit: metric.MinFailUsers, Value: 1}}, l.Values)
	assert.Contains(t, progress, "ctx=128")
	log, err := record.ReadLogFile(dir.Journal("baseline"))
	require.NoError(t, err)
	require.Len(t, log.NotRun, 1)
	assert.Equal(t, "sweep ended at ctx=64: not even 1 user was shown to meet ttft=1ms", log.NotRun[0].Reason)
	assert.False(t, slices.ContainsFunc(log.Trials, func(tr record.Trial) bool { return strings.Contains(tr.Cell, "ctx=128") }))
}

func TestCapacityWithoutObjectives(t *testing.T) {
	out, _ := suiteRun(t, "-test.bench=Capacity", "-test.v")
	assert.Contains(t, out, "give them with -slo")
	assert.Empty(t, benchmarkLines(strings.ReplaceAll(out, "BenchmarkCapacity\n", "")))
	assert.NotContains(t, out, "ok-%\t")
}
