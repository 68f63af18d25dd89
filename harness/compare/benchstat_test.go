package compare_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"aibench/harness/compare"
	"aibench/harness/metric"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noisy makes the lines of some cells, n trials each, with ties now and then.
func noisy(r *rand.Rand, factor float64, n int) []metric.Line {
	var lines []metric.Line
	for _, ctx := range []int{1024, 2048, 4096} {
		for range n {
			noise := math.Exp(0.05 * r.NormFloat64())
			lines = append(lines, metric.Line{Name: fmt.Sprintf("BenchmarkContext/ctx=%d/users=1", ctx), Procs: 1, Iterations: 1, Values: []metric.Value{
				{Unit: metric.TTFT, Value: math.Round(float64(ctx) * 1e5 * factor * noise)},
				{Unit: metric.Decode, Value: math.Round(45*factor*noise) + 0.5},
				{Unit: metric.Queue, Value: float64(r.IntN(3))},
			}})
		}
	}
	return lines
}

// The table agrees with benchstat: the same medians, p and changes from the same
// files.
func TestAgreesWithBenchstat(t *testing.T) {
	for _, n := range []int{4, 6, 11} {
		r := rand.New(rand.NewPCG(uint64(n), 5))
		a, b := noisy(r, 1, n), noisy(r, 1.06, n)
		dir := t.TempDir()
		for name, lines := range map[string][]metric.Line{"baseline.txt": a, "aidaptiv.txt": b} {
			var buf bytes.Buffer
			require.NoError(t, metric.WriteFile(&buf, nil, lines))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), buf.Bytes(), 0o644))
		}
		theirs := benchstat(t, dir)
		ours := compare.Stages(
			compare.Stage{Name: "baseline", Cells: compare.Cells(a)},
			compare.Stage{Name: "aidaptiv", Cells: compare.Cells(b)}, compare.DefaultConfig())
		checked := 0
		for _, row := range ours.Rows {
			for _, c := range row.Changes {
				agree(t, c, theirs[strings.TrimPrefix(row.Cell, "Benchmark")+" "+strings.Replace(c.Unit, "-ns", "-sec", 1)])
				checked++
			}
		}
		assert.Equal(t, 9, checked)
		assert.Len(t, theirs, 9)
	}
}

func agree(t *testing.T, c compare.Change, r []string) {
	t.Helper()
	require.Len(t, r, 7, "%s: no row", c.Unit)
	scale := 1.0
	if strings.HasSuffix(c.Unit, "-ns") {
		scale = 1e-9
	}
	for column, s := range map[int]compare.Summary{1: c.A, 3: c.B} {
		want, err := strconv.ParseFloat(r[column], 64)
		require.NoError(t, err)
		got, _ := s.Median.Get()
		assert.InDelta(t, want, got*scale, want*1e-9+1e-15, "%s: median", c.Unit)
	}
	p, _ := c.P.Get()
	assert.Equal(t, r[6], fmt.Sprintf("p=%.3f n=%d", p, c.A.N), c.Unit)
	// benchstat prints the change where p <= 0.05.
	if r[5] != "~" && r[5] != "?" {
		percent, _ := c.Percent.Get()
		assert.Equal(t, r[5], fmt.Sprintf("%+.2f%%", percent), c.Unit)
	}
}

// benchstat returns the rows of its CSV by benchmark and unit.
func benchstat(t *testing.T, dir string) map[string][]string {
	t.Helper()
	tool, err := exec.Command("go", "tool", "-n", "benchstat").Output()
	require.NoError(t, err)
	cmd := exec.Command(strings.TrimSpace(string(tool)), "-format", "csv", "baseline.txt", "aidaptiv.txt")
	cmd.Dir = dir
	out, err := cmd.Output()
	require.NoError(t, err)
	in := csv.NewReader(bytes.NewReader(out))
	in.FieldsPerRecord = -1
	records, err := in.ReadAll()
	require.NoError(t, err)
	rows := make(map[string][]string)
	unit := ""
	for _, r := range records {
		switch {
		case len(r) > 3 && r[0] == "" && r[2] == "CI":
			unit = r[1]
		case strings.Contains(r[0], "ctx="):
			rows[r[0]+" "+unit] = r
		}
	}
	return rows
}
