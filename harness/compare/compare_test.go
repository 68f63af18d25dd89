package compare_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cell makes an ok cell with one unit.
func cell(name, unit string, values ...float64) compare.Cell {
	c := compare.Cell{Name: name, Ctx: compare.Ctx(name), Outcomes: map[record.Outcome]int{record.OK: len(values)}}
	for _, v := range values {
		c.Lines = append(c.Lines, metric.Line{Name: name, Iterations: 1, Values: []metric.Value{{Unit: unit, Value: v}}})
	}
	return c
}

// one compares two samples of a unit in a single cell.
func one(unit string, a, b []float64) compare.Change {
	r := compare.Stages(
		compare.Stage{Name: "a", Cells: []compare.Cell{cell("BenchmarkX", unit, a...)}},
		compare.Stage{Name: "b", Cells: []compare.Cell{cell("BenchmarkX", unit, b...)}},
		compare.DefaultConfig())
	return r.Rows[0].Changes[0]
}

func times(xs []float64, f float64) []float64 {
	out := slices.Clone(xs)
	for i := range out {
		out[i] *= f
	}
	return out
}

var six = []float64{100, 101, 99, 102, 98, 100.5}

func TestVerdicts(t *testing.T) {
	wide := []float64{100, 140, 80, 120, 60, 100}
	for _, c := range []struct {
		name, unit string
		a, b       []float64
		want       compare.Verdict
	}{
		{"longer TTFT", metric.TTFT, six, times(six, 1.2), compare.Worse},
		{"shorter TTFT", metric.TTFT, six, times(six, 0.8), compare.Better},
		{"faster decode", metric.Decode, six, times(six, 1.2), compare.Better},
		{"slower decode", metric.Decode, six, times(six, 0.8), compare.Worse},
		{"no change, little noise", metric.TTFT, times(six, 10), times(six, 10.005), compare.Same},
		{"no change at all", metric.TTFT, []float64{5, 5, 5, 5}, []float64{5, 5, 5, 5}, compare.Same},
		{"certain, but within the tolerance", metric.TTFT, times([]float64{1, 1.001, 1.002, 1.003, 1.004, 1.005}, 100), times([]float64{1, 1.001, 1.002, 1.003, 1.004, 1.005}, 101), compare.Same},
		{"much noise", metric.TTFT, wide, times(wide, 1.1), compare.Inconclusive},
		{"three trials", metric.TTFT, six[:3], times(six[:3], 9), compare.Inconclusive},
		{"neither is better", metric.PromptTokens, six, times(six, 1.2), ""},
		{"same tokens", metric.PromptTokens, []float64{9, 9, 9, 9}, []float64{9, 9, 9, 9}, compare.Same},
		{"zeros on both sides", metric.Queue, []float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}, compare.Same},
		{"zeros, too few", metric.Queue, []float64{0, 0}, []float64{0, 0}, compare.Inconclusive},
		{"from none ok to all ok", metric.OKShare, make([]float64, 6), times([]float64{1, 1, 1, 1, 1, 1}, 100), compare.Better},
		{"from all ok to none", metric.OKShare, times([]float64{1, 1, 1, 1, 1, 1}, 100), make([]float64, 6), compare.Worse},
	} {
		got := one(c.unit, c.a, c.b)
		assert.Equal(t, c.want, got.Verdict, "%s: %+v", c.name, got)
		if c.want == compare.Inconclusive {
			n, ok := got.Trials.Get()
			assert.True(t, ok && n > len(c.a), "%s: needs %d trials", c.name, n)
			assert.Contains(t, got.Note, fmt.Sprint(n))
		}
	}
}

func TestChangeFigures(t *testing.T) {
	c := one(metric.TTFT, six, times(six, 1.2))
	percent, _ := c.Percent.Get()
	assert.InDelta(t, 20, percent, 1e-9)
	lo, _ := c.Lo.Get()
	hi, _ := c.Hi.Get()
	assert.True(t, lo < 20 && hi > 20 && lo > 15 && hi < 25, "[%v, %v]", lo, hi)
	p, _ := c.P.Get()
	assert.InDelta(t, 2.0/924, p, 1e-12)
	effect, _ := c.MinDetectable.Get()
	assert.True(t, effect > 0 && effect < 10, effect)
	assert.Equal(t, 6, c.A.N)
	assert.Equal(t, record.Some(98.0), c.A.Lo)

	from0 := one(metric.OKShare, make([]float64, 6), times(six, 1))
	assert.False(t, from0.Percent.Has(), "no percentage of 0")
}

// The point may lie outside the interval of the ratio, as it does here; then it is
// widened.
func TestIntervalContainsThePoint(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	// Values around 1 and around 100: the median jumps between the two.
	draw := func() []float64 {
		xs := make([]float64, 5+r.IntN(9))
		for i := range xs {
			xs[i] = math.Pow(100, float64(r.IntN(2))) * (1 + 0.01*r.Float64())
		}
		return xs
	}
	widened := 0
	for range 300 {
		a, b := draw(), draw()
		stage := func(xs []float64) compare.Stage {
			return compare.Stage{Cells: []compare.Cell{cell("BenchmarkX", metric.TTFT, xs...)}}
		}
		c := compare.Stages(stage(a), stage(b), compare.Config{Level: 0.5, Tolerance: 3}).Rows[0].Changes[0]
		point, _ := c.Percent.Get()
		lo, ok := c.Lo.Get()
		hi, _ := c.Hi.Get()
		require.True(t, ok)
		require.True(t, lo <= point && point <= hi, "%v in [%v, %v]", point, lo, hi)
		if raw := stats.RatioCI(a, b, 0.5); point < (raw.Lo-1)*100 || point > (raw.Hi-1)*100 {
			widened++
		}
	}
	assert.Positive(t, widened)
}

// A difference that would do for one cell does not for eight: with 4 trials, p can't
// go below 2/70.
func TestHolmOverCells(t *testing.T) {
	stage := func(factor float64) (s compare.Stage) {
		for i := range 8 {
			s.Cells = append(s.Cells, cell(fmt.Sprintf("BenchmarkContext/ctx=%d", 1024<<i), metric.TTFT, times(six[:4], factor)...))
		}
		return s
	}
	r := compare.Stages(stage(1), stage(1.5), compare.DefaultConfig())
	require.Len(t, r.Rows, 8)
	for _, row := range r.Rows {
		c := row.Changes[0]
		assert.Equal(t, compare.Inconclusive, c.Verdict)
		p, _ := c.PHolm.Get()
		assert.InDelta(t, 8*2.0/70, p, 1e-12)
		assert.Equal(t, record.Some(6), c.Trials, "6 a side allow p = 2/924, eight times corrected below 0.05")
	}
	assert.Equal(t, compare.Worse, one(metric.TTFT, six[:4], times(six[:4], 1.5)).Verdict)
}

func TestVerdictWithheld(t *testing.T) {
	a, b := cell("BenchmarkX", metric.TTFT, six...), cell("BenchmarkX", metric.TTFT, times(six, 0.5)...)
	for _, c := range []*compare.Cell{&a, &b} {
		for i := range c.Lines {
			c.Lines[i].Values = append(c.Lines[i].Values, metric.Value{Unit: metric.OKShare, Value: 100})
		}
	}
	compared := func() compare.Row {
		return compare.Stages(compare.Stage{Cells: []compare.Cell{a}}, compare.Stage{Cells: []compare.Cell{b}}, compare.DefaultConfig()).Rows[0]
	}
	ttft, _ := compared().Change(metric.TTFT)
	require.Equal(t, compare.Better, ttft.Verdict)

	// Half of B's requests timed out: the survivors are faster, B is not.
	b.Outcomes = map[record.Outcome]int{record.OK: 3, record.Timeout: 3}
	row := compared()
	ttft, _ = row.Change(metric.TTFT)
	assert.Equal(t, compare.Inconclusive, ttft.Verdict)
	assert.Contains(t, ttft.Note, "survivors")
	share, _ := row.Change(metric.OKShare)
	assert.Equal(t, compare.Same, share.Verdict, "the share is judged all the same")

	b.Outcomes = a.Outcomes
	b.Invalid = []string{"GPU was throttled"}
	ttft, _ = compared().Change(metric.TTFT)
	assert.Equal(t, compare.Inconclusive, ttft.Verdict)
	assert.Contains(t, ttft.Note, "GPU was throttled")
	assert.False(t, ttft.Trials.Has(), "more trials are no remedy")
}

func TestRowsAreNeverDropped(t *testing.T) {
	a := compare.Stage{Name: "a", Cells: []compare.Cell{
		cell("BenchmarkContext/ctx=2048/users=1", metric.TTFT, six...),
		cell("BenchmarkContext/ctx=1024/users=1", metric.TTFT, six...),
		{Name: "BenchmarkContext/ctx=4096/users=1", Ctx: 4096, Outcomes: map[record.Outcome]int{record.OOMHost: 2}},
	}}
	b := compare.Stage{Name: "b", Cells: []compare.Cell{
		cell("BenchmarkContext/ctx=512/users=4", metric.TTFT, six...),
		cell("BenchmarkContext/ctx=4096/users=1", metric.TTFT, six...),
		{Name: "BenchmarkContext/ctx=2048/users=1", Ctx: 2048, NotRun: "server is gone"},
	}}
	r := compare.Stages(a, b, compare.DefaultConfig())
	var got []string
	for _, row := range r.Rows {
		got = append(got, fmt.Sprintf("%s: %s | %s", strings.TrimPrefix(row.Cell, "BenchmarkContext/"), row.A.Outcome, row.B.Outcome))
	}
	assert.Equal(t, []string{
		"ctx=1024/users=1: ok 6/6 | not measured",
		"ctx=2048/users=1: ok 6/6 | not run",
		"ctx=4096/users=1: OOM (host) 2/2 | ok 6/6",
		"ctx=512/users=4: not measured | ok 6/6",
	}, got)
	c, ok := r.Rows[2].Change(metric.TTFT)
	require.True(t, ok)
	assert.Zero(t, c.A.N)
	assert.Equal(t, 6, c.B.N)
	assert.Equal(t, compare.Verdict(""), c.Verdict)
	assert.False(t, c.P.Has())
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "b not run: server is gone (ctx=2048/users=1)")
}

func TestMaxStable(t *testing.T) {
	ok, oom := map[record.Outcome]int{record.OK: 6}, map[record.Outcome]int{record.OK: 5, record.OOMGPU: 1}
	stage := func(outcomes ...map[record.Outcome]int) (s compare.Stage) {
		for i, o := range outcomes {
			s.Cells = append(s.Cells, compare.Cell{Name: fmt.Sprintf("BenchmarkContext/ctx=%d", 1024<<i), Ctx: 1024 << i, Outcomes: o})
		}
		return s
	}
	invalid := stage(ok, ok, ok)
	invalid.Cells[1].Invalid = []string{"x"}
	notRun := stage(ok, nil, ok)
	notRun.Cells[1].NotRun = "x"
	for name, c := range map[string]struct {
		s    compare.Stage
		want record.Opt[int]
	}{
		"all":                  {stage(ok, ok, ok), record.Some(4096)},
		"one request failed":   {stage(ok, ok, oom), record.Some(2048)},
		"ok beyond a failure":  {stage(ok, oom, ok), record.Some(1024)},
		"the first":            {stage(oom, ok, ok), record.Opt[int]{}},
		"not measured beyond":  {stage(ok), record.Some(1024)},
		"INVALID in between":   {invalid, record.Some(1024)},
		"not run in between":   {notRun, record.Some(1024)},
		"no request was made":  {stage(nil, ok, ok), record.Opt[int]{}},
		"nothing was measured": {stage(), record.Opt[int]{}},
	} {
		r := compare.Stages(stage(ok, ok, ok), c.s, compare.DefaultConfig())
		require.Len(t, r.MaxStable, 1, name)
		assert.Equal(t, record.Some(4096), r.MaxStable[0].A, name)
		assert.Equal(t, c.want, r.MaxStable[0].B, name)
		assert.Equal(t, 4096, r.MaxStable[0].Longest, name)
	}
}

// Files alone tell outcomes by ok-%.
func TestCellsOfLines(t *testing.T) {
	lines := append(trials("BenchmarkContext/ctx=1024", 1, 2), trials("BenchmarkContext/ctx=2048", 3, 4)...)
	lines[3].Values[2].Value = 50
	r := compare.Stages(compare.Stage{Cells: compare.Cells(lines)}, compare.Stage{Cells: compare.Cells(lines[:2])}, compare.DefaultConfig())
	require.Len(t, r.Rows, 2)
	assert.Equal(t, 2048, r.Rows[1].Ctx)
	assert.Equal(t, compare.Side{Outcome: "ok 100 %", OK: true}, r.Rows[0].A)
	assert.Equal(t, compare.Side{Outcome: "ok 75.0 %"}, r.Rows[1].A)
	assert.Equal(t, compare.Side{Outcome: "not measured"}, r.Rows[1].B)
	assert.Equal(t, record.Some(1024), r.MaxStable[0].A)
}

func TestCtx(t *testing.T) {
	assert.Equal(t, 8192, compare.Ctx("BenchmarkContext/ctx=8192/users=1"))
	assert.Zero(t, compare.Ctx("BenchmarkSoak/users=1"))
	assert.Zero(t, compare.Ctx("BenchmarkX/ctx=long"))
}

func TestLabelsAreDistinct(t *testing.T) {
	seen := make(map[string]bool)
	for _, o := range record.Outcomes {
		l := compare.Label(o)
		assert.False(t, seen[l], l)
		assert.NotContains(t, l, "_")
		seen[l] = true
	}
}
