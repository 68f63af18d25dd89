package compare_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// sweep is a stage of contexts 1024 to 131072 with 6 trials each: TTFT grows with
// the context, by factor, with noise; from failsAt on (0: never) it is out of
// memory, and the rest is not run.
func sweep(name string, seed uint64, users string, factor float64, failsAt int) compare.Stage {
	r := rand.New(rand.NewPCG(seed, 11))
	s := compare.Stage{Name: name}
	for ctx := 1024; ctx <= 131072; ctx *= 2 {
		c := compare.Cell{Name: "BenchmarkContext/ctx=" + strconv.Itoa(ctx) + "/users=" + users, Ctx: ctx}
		switch {
		case failsAt > 0 && ctx > failsAt:
			c.NotRun = "the sweep stopped at its first failing context"
		case failsAt > 0 && ctx == failsAt:
			c.Outcomes = map[record.Outcome]int{record.OOMGPU: 6}
			for range 6 {
				c.Lines = append(c.Lines, metric.Line{Name: c.Name, Iterations: 1, Values: []metric.Value{{Unit: metric.OKShare, Value: 0}}})
			}
		default:
			c.Outcomes = map[record.Outcome]int{record.OK: 6}
			for range 6 {
				noise := math.Exp(0.01 * r.NormFloat64())
				c.Lines = append(c.Lines, metric.Line{Name: c.Name, Iterations: 1, Values: []metric.Value{
					{Unit: metric.TTFT, Value: math.Round(40e6 + float64(ctx)*0.1e6*factor*noise)},
					{Unit: metric.Decode, Value: math.Round(4500*noise/(1+float64(ctx)/1e5)) / 100},
					{Unit: metric.OKShare, Value: 100},
				}})
			}
		}
		s.Cells = append(s.Cells, c)
	}
	return s
}

func table(t *testing.T, r compare.Result) string {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, compare.WriteTable(&buf, r))
	for _, l := range strings.Split(buf.String(), "\n") {
		assert.LessOrEqual(t, utf8.RuneCountInString(l), 134, "too wide: %s", l)
		assert.Equal(t, strings.TrimRight(l, " "), l, "blanks at the end")
	}
	return buf.String()
}

func TestTableOfSweep(t *testing.T) {
	r := compare.Stages(sweep("baseline", 1, "1", 1, 32768), sweep("aidaptiv", 2, "1", 1.12, 0), compare.DefaultConfig())
	golden(t, "testdata/sweep.txt", table(t, r))
}

// All that can go wrong in one table: mixed outcomes, INVALID, no interval,
// estimated counts, a cell without context, long names, another group.
func TestTableOfTrouble(t *testing.T) {
	a, b := sweep("20261121T093000Z/baseline", 3, "1", 1, 0), sweep("20261122T101500Z/baseline", 4, "1", 1.02, 65536)
	four := sweep("", 5, "4", 3, 4096)
	a.Cells = append(a.Cells[:7], sweep("", 6, "4", 2, 0).Cells[:3]...)
	b.Cells = append(b.Cells, four.Cells[:4]...)
	a.Cells[1].Outcomes = map[record.Outcome]int{record.OK: 4, record.Timeout: 1, record.Stalled: 1}
	a.Cells[1].Lines = a.Cells[1].Lines[:4]
	b.Cells[2].Invalid = []string{"GPU was throttled"}
	a.Cells[3].Lines, b.Cells[3].Lines = a.Cells[3].Lines[:3], b.Cells[3].Lines[:3]
	a.Cells[4].Estimated = true
	soak := "BenchmarkSoak/users=1"
	a.Cells = append(a.Cells, compare.Cell{Name: soak, Outcomes: map[record.Outcome]int{record.OK: 1}, Lines: trials(soak, 500)})
	golden(t, "testdata/trouble.txt", table(t, compare.Stages(a, b, compare.DefaultConfig())))
}

func TestWriteJSON(t *testing.T) {
	r := compare.Stages(sweep("baseline", 1, "1", 1, 32768), sweep("aidaptiv", 2, "1", 1.12, 0), compare.DefaultConfig())
	var buf bytes.Buffer
	require.NoError(t, compare.WriteJSON(&buf, r))
	var back compare.Result
	require.NoError(t, json.Unmarshal(buf.Bytes(), &back))
	assert.Equal(t, r, back, "nothing is lost")
	assert.NotContains(t, buf.String(), "null")
}

func TestWriteTableOfNothing(t *testing.T) {
	r := compare.Stages(compare.Stage{Name: "a"}, compare.Stage{Name: "b"}, compare.DefaultConfig())
	assert.Contains(t, table(t, r), "A = a, B = b")
}
