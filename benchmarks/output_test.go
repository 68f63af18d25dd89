package benchmarks

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/report"
)

// suiteRun runs this very test binary as the suite, as go test -bench does.
func suiteRun(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-test.run=^$", "-test.benchtime=1x", "-mock-profile", "fast", "-max-tokens", "8"}, args...)...)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &progress, ownEnvironment()
	require.NoError(t, cmd.Run(), "%s%s", &out, &progress)
	return out.String(), progress.String()
}

// ownEnvironment leaves out what a person set for a run of their own.
func ownEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AIBENCH_") })
}

// stdout is pure Go benchmark format: units first, facts, a line a trial.
func TestStdoutIsBenchmarkFormat(t *testing.T) {
	out, progress := suiteRun(t, "-test.bench=Context/ctx=(512|1024)$", "-test.count=3", "-contexts", "512,1024,2048")
	line := regexp.MustCompile(`^(Unit [a-z0-9%/-]+ better=(lower|higher)|[a-z]+: .+|BenchmarkContext/ctx=\d+/users=1(-\d+)? *\t.*|PASS|)$`)
	for l := range strings.Lines(out) {
		assert.Regexp(t, line, strings.TrimSuffix(l, "\n"))
	}
	assert.True(t, strings.HasPrefix(out, "Unit "), "units come first")
	assert.Contains(t, out, "\nengine: mockserver (simulated)\n")

	r := benchfmt.NewReader(strings.NewReader(out), "suite")
	names := map[string]int{}
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			base, _ := rec.Name.Parts()
			names[strings.Split(rec.Name.String(), "-")[0]]++
			assert.Equal(t, "Context", string(base))
			ttft, ok := rec.Value("ttft-sec")
			assert.True(t, ok, "tidied from ttft-ns")
			assert.Positive(t, ttft)
			_, ok = rec.Value("sec/op")
			assert.False(t, ok, "the time of an iteration means nothing")
		case *benchfmt.SyntaxError:
			t.Error(rec)
		}
	}
	require.NoError(t, r.Err())
	assert.Equal(t, map[string]int{"Context/ctx=512/users=1": 3, "Context/ctx=1024/users=1": 3}, names)
	assert.Equal(t, 6, strings.Count(progress, "trial "), progress)
	assert.Contains(t, progress, "baseline: 6 requests: 6 ok")
}

// go test gives a test binary one pipe for both outputs: it must carry nothing else.
func TestJoinedOutputIsPureToo(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=Context", "-test.benchtime=1x", "-test.count=2", "-mock-profile", "fast", "-contexts", "512,1024")
	var joined bytes.Buffer
	cmd.Stdout, cmd.Stderr = &joined, &joined
	cmd.SysProcAttr, cmd.Env = withoutTerminal(), ownEnvironment()
	require.NoError(t, cmd.Run(), joined.String())
	assert.NotContains(t, joined.String(), "trial ")
	assert.NotContains(t, joined.String(), "requests")
	assert.Len(t, benchmarkLines(joined.String()), 4)
	for _, l := range benchmarkLines(joined.String()) {
		assert.Contains(t, l, "ttft-ns")
	}
}

// A line may stand for several trials: -benchtime=3x has three requests on it.
func TestSeveralTrialsOnALine(t *testing.T) {
	out, progress := suiteRun(t, "-test.bench=Context", "-test.benchtime=3x", "-contexts", "512")
	assert.Equal(t, 1, strings.Count(out, "\nBenchmarkContext/ctx=512"))
	assert.Contains(t, progress, "3 requests: 3 ok")
}

// With users, a trial has as many requests.
func TestUsersShareATrial(t *testing.T) {
	out, progress := suiteRun(t, "-test.bench=Context/ctx=512/users=4", "-contexts", "512", "-users", "1,4")
	assert.Contains(t, out, "BenchmarkContext/ctx=512/users=4")
	assert.NotContains(t, out, "users=1")
	assert.Contains(t, progress, "4 requests: 4 ok")
}

func TestOwnPrompts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.yaml")
	require.NoError(t, os.WriteFile(path, []byte("- id: hello\n  prompt: Say hello.\n  max_tokens: 4\n"), 0o600))
	out, _ := suiteRun(t, "-test.bench=Prompts", "-prompts", path)
	assert.Contains(t, out, "BenchmarkPrompts/suite=own/prompt=hello")
	assert.Equal(t, 5, strings.Count(out, "BenchmarkPrompts/suite=performance/prompt="))
}

// Every wire dialect of the client against every engine that speaks it.
func TestDialects(t *testing.T) {
	for _, api := range []string{"completions", "chat"} {
		out, _ := suiteRun(t, "-test.bench=Context", "-contexts", "512", "-api", api)
		assert.Contains(t, out, "\t       100.0 ok-%", api)
	}
}

// What the suite prints and what is rebuilt from its journal are the same lines, and
// benchstat takes them without a word.
func TestRebuiltFileEqualsStdout(t *testing.T) {
	results := t.TempDir()
	dir, err := record.Create(results, "r", record.Run{Stages: []string{"baseline", "aidaptiv"}})
	require.NoError(t, err)
	for _, stage := range []string{"baseline", "aidaptiv"} {
		out, _ := suiteRun(t, "-test.bench=Context", "-test.count=2", "-contexts", "1024,16384,32768", "-run-dir", dir.Path(), "-stage", stage)
		s, err := report.Load(dir, stage)
		require.NoError(t, err)
		require.NoError(t, report.WriteStage(dir, s))
		rebuilt, err := os.ReadFile(dir.Bench(stage))
		require.NoError(t, err)
		assert.Equal(t, benchmarkLines(out), benchmarkLines(string(rebuilt)), stage)
	}
	cmd := exec.Command("go", "tool", "benchstat", "-row", "/ctx@num", "-col", ".file", dir.Bench("baseline"), dir.Bench("aidaptiv"))
	var table, warnings bytes.Buffer
	cmd.Stdout, cmd.Stderr = &table, &warnings
	require.NoError(t, cmd.Run())
	assert.Empty(t, warnings.String())
	assert.Contains(t, table.String(), "ttft-sec")
	assert.Contains(t, table.String(), "32768")
}

// benchmarkLines keeps the lines of results, without their padding.
func benchmarkLines(file string) []string {
	var lines []string
	for l := range strings.Lines(file) {
		if strings.HasPrefix(l, "Benchmark") {
			fields := strings.Split(strings.TrimSpace(l), "\t")
			for i := range fields {
				fields[i] = strings.TrimSpace(fields[i])
			}
			lines = append(lines, strings.Join(fields, "\t"))
		}
	}
	return lines
}

// A second start with the same run directory measures nothing again, and prints the
// same lines.
func TestResumedSuiteReplays(t *testing.T) {
	dir, err := record.Create(t.TempDir(), "r", record.Run{Stages: []string{"baseline"}})
	require.NoError(t, err)
	args := []string{"-test.bench=Context", "-test.count=2", "-contexts", "512,1024", "-run-dir", dir.Path()}
	first, _ := suiteRun(t, args...)
	second, progress := suiteRun(t, args...)
	assert.Equal(t, benchmarkLines(first), benchmarkLines(second))
	assert.Equal(t, 4, strings.Count(progress, "(from the journal)"))
	log, err := record.ReadLogFile(dir.Journal("baseline"))
	require.NoError(t, err)
	assert.Len(t, log.Trials, 4)
	assert.Len(t, log.Sessions, 2)
}

// Every unit on a line is in the catalogue: metric refuses others when it rebuilds.
func TestUnitsAreOfTheCatalogue(t *testing.T) {
	out, _ := suiteRun(t, "-test.bench=Context", "-contexts", "512")
	lines, _, err := metric.ReadFile(strings.NewReader(out), "stdout")
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	for _, v := range lines[0].Values {
		_, ok := metric.ByUnit(v.Unit)
		assert.True(t, ok, v.Unit)
	}
}
