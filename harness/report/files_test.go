package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/metric"
	"aibench/harness/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run with -update, and read the difference")
}

// fullRun has what the demo has: the baseline out of memory in the middle.
func fullRun(t *testing.T) *record.Dir {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock, doubling(8192, 4096, 6, 1)...)
	sampleStage(t, dir, aidaptiv, mock, doubling(8192, 0, 6, 1.2)...)
	return dir
}

func TestBenchFileReadsBack(t *testing.T) {
	dir := fullRun(t)
	for _, s := range load(t, dir) {
		require.NoError(t, WriteStage(dir, s))
		f, err := os.Open(dir.Bench(s.Name))
		require.NoError(t, err)
		defer f.Close()
		lines, config, err := metric.ReadFile(f, s.Name)
		require.NoError(t, err)
		assert.Equal(t, []metric.KeyValue{{Key: "engine", Value: "mockserver (simulated)"}, {Key: "model", Value: "sim-llama-8b"}, {Key: "quant", Value: "q4_k_m"}}, config)
		var want []metric.Line
		for _, c := range s.Cells {
			want = append(want, c.Lines...)
		}
		require.Len(t, lines, len(want))
		for i, l := range lines {
			assert.Equal(t, want[i].Name, l.Name)
			assert.Equal(t, want[i].Procs, l.Procs)
			assert.ElementsMatch(t, want[i].Values, l.Values)
		}
	}
}

// benchstat reads the two files without a word of warning.
func TestBenchstatTakesTheFiles(t *testing.T) {
	dir := fullRun(t)
	for _, s := range load(t, dir) {
		require.NoError(t, WriteStage(dir, s))
	}
	tool, err := exec.Command("go", "tool", "-n", "benchstat").Output()
	require.NoError(t, err)
	var out, errs bytes.Buffer
	cmd := exec.Command(strings.TrimSpace(string(tool)), "-row", "/ctx@num", "-col", ".file",
		filepath.Base(dir.Bench(baseline)), filepath.Base(dir.Bench(aidaptiv)))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir.Path(), &out, &errs
	require.NoError(t, cmd.Run(), errs.String())
	assert.Empty(t, errs.String())
	assert.Contains(t, out.String(), "engine: mockserver (simulated)")
	// 50 ms and 0.3 ms a token, 1.2 times that.
	assert.Regexp(t, `(?m)^1024 +357\.2m.* 428\.6m.*\+20\.00% \(p=0\.002 n=6\)`, out.String())
}

func TestResultsFile(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock,
		sampleCell{ctx: 1024, trials: 6, ttft: 100 * time.Millisecond},
		sampleCell{ctx: 2048, trials: 2, prompt: 1000, ttft: 200 * time.Millisecond},
		sampleCell{ctx: 4096, trials: 6, outcome: record.OOMGPU},
		sampleCell{ctx: 8192, notRun: "sweep ended"})
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	require.NoError(t, WriteStage(dir, s))
	b, err := os.ReadFile(dir.Results(baseline))
	require.NoError(t, err)
	var got struct {
		Schema                    int
		Run, Stage, Engine, Model string
		Simulated                 bool
		Sessions                  int
		Ended                     string
		Notes                     []string
		Cells                     []struct {
			Name     string
			Ctx      int
			Trials   int
			Outcomes map[string]int
			Validity string
			Reasons  []string
			NotRun   string `json:"not_run"`
			Metrics  map[string]map[string]float64
		}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&got))
	assert.Equal(t, []any{"sample", baseline, "mockserver (simulated)", "sim-llama-8b", true, 1, "complete"},
		[]any{got.Run, got.Stage, got.Engine, got.Model, got.Simulated, got.Sessions, got.Ended})
	require.Len(t, got.Cells, 4)
	c := got.Cells
	assert.Equal(t, map[string]int{"ok": 6}, c[0].Outcomes)
	assert.Equal(t, "VALID", c[0].Validity)
	assert.Equal(t, map[string]float64{"n": 6, "median": 100e6, "lo": 98e6, "hi": 102e6, "mean": 100e6, "min": 98e6, "max": 102e6}, c[0].Metrics[metric.TTFT])
	assert.Equal(t, "INVALID", c[1].Validity)
	require.Len(t, c[1].Reasons, 1)
	assert.Contains(t, c[1].Reasons[0], "wanted 2048, server counted 1000")
	assert.NotContains(t, c[1].Metrics[metric.TTFT], "lo", "two trials make no interval")
	assert.Equal(t, map[string]int{"oom_gpu": 6}, c[2].Outcomes)
	assert.Equal(t, 0.0, c[2].Metrics[metric.OKShare]["median"])
	assert.NotContains(t, c[2].Metrics, metric.TTFT)
	assert.Equal(t, "sweep ended", c[3].NotRun)
	assert.NotNil(t, c[3].Outcomes)
	assert.NotContains(t, string(b), "null", "lists and maps are empty, never null")
}

func TestRequestsFile(t *testing.T) {
	dir := fullRun(t)
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	require.NoError(t, WriteStage(dir, s))
	f, err := os.Open(dir.Requests(baseline))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	assert.Len(t, rows, 1+18, "3 cells of 6 trials")
	for _, column := range strings.Fields("request cell trial intended_ns start_ns wrote_ns ttft_ns ttfa_ns e2e_ns tpot_ns " +
		"prompt_tokens completion_tokens cached_tokens token_source stamp outcome evidence") {
		assert.Contains(t, rows[0], column)
	}
}

// WriteRun writes everything, names it, and does the same again the same way.
func TestWriteRun(t *testing.T) {
	dir := fullRun(t)
	sampleMetrics(t, dir, baseline, 32<<30)
	files, err := WriteRun(dir)
	require.NoError(t, err)
	var base []string
	first := map[string]string{}
	for _, f := range files {
		base = append(base, filepath.Base(f))
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		first[f] = string(b)
	}
	assert.Equal(t, []string{"ttft_comparison.png", "ttft_comparison.svg", "ram_timeline.png", "ram_timeline.svg",
		"bench_baseline.txt", "bench_aidaptiv.txt", "results_baseline.json", "results_aidaptiv.json",
		"requests_baseline.csv", "requests_aidaptiv.csv", "metrics_baseline.csv",
		"journal_baseline.jsonl", "journal_aidaptiv.jsonl", "comparison.json", "run.json"}, base)
	again, err := WriteRun(dir)
	require.NoError(t, err)
	assert.Equal(t, files, again)
	for f, want := range first {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.True(t, want == string(b), "%s differs", f)
	}
	for _, pattern := range []string{".*", "*/.*"} {
		hidden, err := filepath.Glob(filepath.Join(dir.Path(), pattern))
		require.NoError(t, err)
		assert.Empty(t, hidden, "no temporary file is left")
	}
}

func TestWriteRunOfOneStage(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, aidaptiv, mock, sampleCell{ctx: 1024, trials: 1})
	files, err := WriteRun(dir)
	require.NoError(t, err)
	assert.NotContains(t, files, filepath.Join(dir.Path(), "comparison.json"))
	assert.Contains(t, files, dir.Bench(aidaptiv))
	assert.NotContains(t, files, dir.Bench(baseline))
}
