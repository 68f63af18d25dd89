package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/telemetry"
)

// The same data give the same bytes, in another process's directory too.
func TestChartsAreDeterministic(t *testing.T) {
	var first map[string]string
	for range 2 {
		dir := sampleRun(t)
		galleryCases["two_stages"](t, dir)
		for range 2 {
			require.NoError(t, WriteCharts(dir, load(t, dir)))
			got := map[string]string{}
			for _, name := range []string{"ttft_comparison.png", "ttft_comparison.svg", "ram_timeline.png", "ram_timeline.svg"} {
				b, err := os.ReadFile(dir.Charts(name))
				require.NoError(t, err)
				got[name] = string(b)
			}
			if first == nil {
				first = got
			}
			for name := range got {
				assert.True(t, first[name] == got[name], "%s differs", name)
			}
		}
	}
}

func TestSVGSaysWhatItShows(t *testing.T) {
	dir := sampleRun(t)
	galleryCases["two_stages"](t, dir)
	require.NoError(t, WriteCharts(dir, load(t, dir)))
	for name, words := range map[string][]string{
		"ttft_comparison.svg": {">OOM<", "sim-llama-8b", "(simulated)", "6 trials per cell", ">not run<", ">128K<", ">baseline, median<", ">aidaptiv, median<", ">95 % interval<"},
		"ram_timeline.svg":    {">OOM<", "sim-llama-8b", "(simulated)", ">128K<", ">baseline<", ">aidaptiv<", ">memory, GiB<"},
	} {
		b, err := os.ReadFile(dir.Charts(name))
		require.NoError(t, err)
		for _, w := range words {
			assert.Contains(t, string(b), w, name)
		}
		assert.NotContains(t, string(b), "font-family:Liberation Sans;", "no font to fall back on")
		assert.NotContains(t, string(b), "NaN", name)
		first := string(b)[strings.Index(string(b), "<path"):]
		assert.Contains(t, first[:strings.Index(first, "/>")], "fill:#FFFFFF", "the page is white on any ground")
	}
}

func TestChartsWithoutData(t *testing.T) {
	dir := sampleRun(t)
	require.NoError(t, WriteCharts(dir, nil))
	sampleStage(t, dir, baseline, mock, sampleCell{ctx: 1024, trials: 1})
	require.NoError(t, os.WriteFile(dir.Metrics(baseline), nil, 0o644)) // a sampler that has just begun
	stages := load(t, dir)
	stages[0].Cells[0].Ctx, stages[0].Cells[0].Name = 0, "BenchmarkPrompt/prompt=haiku"
	require.NoError(t, WriteCharts(dir, stages))
	files, err := filepath.Glob(filepath.Join(dir.Charts(""), "*"))
	require.NoError(t, err)
	assert.Empty(t, files)
}

// Broken telemetry is reported, and takes no other chart with it.
func TestChartsWithBrokenTelemetry(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock, sampleCell{ctx: 1024, trials: 1})
	require.NoError(t, os.WriteFile(dir.Metrics(baseline), []byte("what,is\nthis,?\n"), 0o644))
	require.ErrorContains(t, WriteCharts(dir, load(t, dir)), "metrics_baseline.csv: telemetry: line 1")
	assert.FileExists(t, dir.Charts("ttft_comparison.png"))
	assert.NoFileExists(t, dir.Charts("ram_timeline.png"))
}

func TestTTFTChartFacts(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock,
		sampleCell{ctx: 1024, trials: 6, ttft: 100 * time.Millisecond},
		sampleCell{ctx: 2048, trials: 6, ttft: 200 * time.Millisecond, outcome: record.Timeout, fails: 2},
		sampleCell{ctx: 4096, trials: 6, outcome: record.OOMGPU},
		sampleCell{ctx: 8192, notRun: "sweep ended"})
	sampleStage(t, dir, aidaptiv, mock,
		sampleCell{ctx: 1024, trials: 3, ttft: 300 * time.Millisecond},
		sampleCell{ctx: 2048, trials: 6, prompt: 1000})
	c, ok := newTTFTChart(dir.Run(), load(t, dir))
	require.True(t, ok)

	assert.Equal(t, []int{1024, 2048, 4096, 8192}, c.Contexts)
	assert.Equal(t, "Time to first token: sim-llama-8b q4_k_m on mockserver (simulated)", c.Head.titleLine(0, 100))
	assert.Equal(t, []string{"run sample", "3 to 6 trials per cell (an interval needs 6)", "users=1"}, c.Head.Notes)
	require.Len(t, c.Panels, 1)
	a, b := c.Panels[0].Series[0], c.Panels[0].Series[1]
	assert.Equal(t, []string{baseline, aidaptiv}, []string{a.Stage, b.Stage})

	require.Len(t, a.Points, 2, "nothing is drawn of a cell without an ok request")
	// Trials 1 to 6 are 0, 2, -1, 1, -2 and 0 % off.
	assert.Equal(t, ttftPoint{Ctx: 1024, Median: 0.1, Lo: record.Some(0.098), Hi: record.Some(0.102),
		Trials: []float64{0.1, 0.102, 0.099, 0.101, 0.098, 0.1}, Trusted: true}, a.Points[0])
	assert.Equal(t, []float64{0.2, 0.204, 0.198, 0.202}, a.Points[1].Trials)
	assert.False(t, a.Points[1].Lo.Has(), "4 trials make no interval")
	assert.Equal(t, []ttftMark{
		{Ctx: 2048, Text: "timeout 2/6", Failed: true},
		{Ctx: 4096, Text: "OOM", Failed: true, All: true},
	}, a.Marks)
	assert.Equal(t, []int{8192}, a.NotRun)

	require.Len(t, b.Points, 2)
	assert.True(t, b.Points[0].Trusted)
	assert.False(t, b.Points[1].Trusted, "an INVALID figure is not like the others")
	assert.Equal(t, []ttftMark{{Ctx: 2048, Text: "INVALID"}}, b.Marks)
	assert.Empty(t, b.NotRun)
}

// What a log axis has no place for is no figure.
func TestTTFTPointOfZeros(t *testing.T) {
	c := Cell{Ctx: 1024, Lines: []metric.Line{{Values: []metric.Value{{Unit: metric.TTFT, Value: 0}}}}}
	_, ok := newTTFTPoint(c)
	assert.False(t, ok)
	c.Lines = append(c.Lines, metric.Line{Values: []metric.Value{{Unit: metric.TTFT, Value: 2e9}}}, metric.Line{})
	p, ok := newTTFTPoint(c)
	assert.True(t, ok)
	assert.Equal(t, []float64{2}, p.Trials)
}

func TestTTFTChartPanels(t *testing.T) {
	dir := sampleRun(t)
	var cells []sampleCell
	for u := 1; u <= 11; u++ {
		cells = append(cells, sampleCell{ctx: 1024, users: u, trials: 1})
	}
	sampleStage(t, dir, baseline, mock, cells...)
	c, ok := newTTFTChart(dir.Run(), load(t, dir))
	require.True(t, ok)
	require.Len(t, c.Panels, maxPanels)
	assert.Equal(t, "users=3", c.Panels[2].Label)
	assert.Contains(t, c.Head.Notes, "5 more sweeps not shown")
	require.NoError(t, WriteCharts(dir, load(t, dir)))
}

func TestGroupLabels(t *testing.T) {
	assert.Equal(t, []string{"users=1", "users=4"}, groupLabels([]string{"BenchmarkContext/users=1", "BenchmarkContext/users=4"}))
	assert.Equal(t, []string{"Context/users=1", "Chat/users=1"}, groupLabels([]string{"BenchmarkContext/users=1", "BenchmarkChat/users=1"}))
	assert.Equal(t, []string{"Context"}, groupLabels([]string{"BenchmarkContext"}))
}

func TestFailureTexts(t *testing.T) {
	for _, c := range []struct {
		outcomes map[record.Outcome]int
		want     string
	}{
		{nil, ""},
		{map[record.Outcome]int{record.OK: 6}, ""},
		{map[record.Outcome]int{record.OOMGPU: 6}, "OOM"},
		{map[record.Outcome]int{record.OOMGPU: 4, record.OOMHost: 2}, "OOM"},
		{map[record.Outcome]int{record.OOMHost: 1, record.OK: 5}, "OOM 1/6"},
		{map[record.Outcome]int{record.Timeout: 3, record.OOMHost: 1, record.OK: 2}, "OOM 1/6, timeout 3/6"},
		{map[record.Outcome]int{record.Timeout: 3, record.OOMHost: 3}, "OOM 3/6, timeout 3/6"},
		{map[record.Outcome]int{record.KVExhausted: 2}, "KV exhausted"},
	} {
		texts, _, _ := failureTexts(c.outcomes)
		assert.Equal(t, c.want, strings.Join(texts, ", "), "%v", c.outcomes)
	}
}

func TestTrialCount(t *testing.T) {
	for want, ns := range map[string][]int{
		"no trials":                                    {},
		"1 trial per cell (an interval needs 6)":       {1, 1},
		"6 trials per cell":                            {6, 6},
		"2 to 9 trials per cell (an interval needs 6)": {9, 2, 6},
	} {
		c := count{}
		for _, n := range ns {
			c.add(n)
		}
		assert.Equal(t, want, c.String())
	}
}

func TestHead(t *testing.T) {
	stages := func(a, b record.Session) []Stage {
		return []Stage{{Name: baseline, Log: &record.Log{Sessions: []record.Session{{Model: "old"}, a}}},
			{Name: aidaptiv, Log: &record.Log{Sessions: []record.Session{b}}}}
	}
	run := record.Run{ID: "r"}
	h := newHead("X", run, stages(mock, mock))
	assert.Equal(t, 1, h.titleLines())
	assert.Equal(t, "X: sim-llama-8b q4_k_m on mockserver (simulated)", h.titleLine(0, 1000))
	assert.Equal(t, "X: si…_m on mo…r (simulated)", strings.ReplaceAll(h.titleLine(0, 5), "r(", "r ("), "the mock is named, however little room there is")

	other := record.Session{Model: "a\nb\x00c", Engine: "mine", Simulated: true}
	h = newHead("X", record.Run{ID: "r", Partial: "interrupted"}, stages(mock, other))
	assert.Equal(t, 3, h.titleLines())
	assert.Equal(t, "X", h.titleLine(0, 1000))
	assert.Equal(t, "baseline: sim-llama-8b q4_k_m on mockserver (simulated)", h.titleLine(1, 1000))
	assert.Equal(t, "aidaptiv: a b c on mine (simulated)", h.titleLine(2, 1000))
	assert.Equal(t, "PARTIAL RUN  ·  run r", h.notes())

	assert.Equal(t, "X", newHead("X", run, stages(record.Session{}, record.Session{})).titleLine(0, 9), "nothing known")
	assert.Equal(t, "X: m", newHead("X", run, stages(record.Session{Model: "m"}, record.Session{Model: "m"})).titleLine(0, 9))
}

func TestOneLine(t *testing.T) {
	assert.Equal(t, "Qwen é ?? - 7b", oneLine("\tQwen é 千问\r\n-  7b\x00"))
	assert.Equal(t, "", oneLine(" \xff "))
}

func TestShorten(t *testing.T) {
	assert.Equal(t, "abcdef", shorten("abcdef", 6))
	assert.Equal(t, "ab…ef", shorten("abcdef", 5))
	assert.Equal(t, "äb…öü", shorten("äbcdöü", 5))
}

func TestLaneTexts(t *testing.T) {
	contexts := []int{1, 2, 3, 4, 5, 6}
	s := ttftSeries{NotRun: []int{5, 6}, Marks: []ttftMark{{Ctx: 1, Text: "timeout"}, {Ctx: 3, Text: "OOM"}, {Ctx: 4, Text: "INVALID"}}}
	assert.Equal(t, []laneText{{3, 3, "OOM", false}, {1, 1, "timeout", false}, {4, 4, "INVALID", false}, {5, 6, "not run", true}},
		laneTexts(s, contexts, false))
	assert.Equal(t, []laneText{{3, 4, "OOM / INVALID", false}, {1, 1, "timeout", false}, {5, 6, "not run", true}},
		laneTexts(s, contexts, true))
}

// Texts of a lane never run into each other nor out of the panel.
func TestLaneTextsHaveRoom(t *testing.T) {
	s := ttftSeries{Stage: baseline}
	f := ttftFrame{scale: 1, lo: 1, hi: 10}
	f.area.Min, f.area.Max = vg.Point{X: 100, Y: 0}, vg.Point{X: 1400, Y: 500}
	for i := range 40 {
		ctx := 1024 * (i + 1)
		f.contexts = append(f.contexts, ctx)
		s.Marks = append(s.Marks, ttftMark{Ctx: ctx, Text: fmt.Sprintf("timeout %d/40", i), Failed: true, All: i%3 == 0})
	}
	placed := f.placeLaneTexts(s, 9)
	assert.Greater(t, len(placed), 5)
	for i, p := range placed {
		w := p.face.width(p.text)
		assert.GreaterOrEqual(t, p.mid-w/2, f.area.Min.X)
		assert.LessOrEqual(t, p.mid+w/2, f.area.Max.X)
		for _, q := range placed[:i] {
			apart := p.mid - q.mid
			assert.GreaterOrEqual(t, max(apart, -apart), (w+q.face.width(q.text))/2, "%q and %q", p.text, q.text)
		}
	}
	s.Marks = s.Marks[:2]
	s.Marks[1].Text = s.Marks[0].Text
	assert.Len(t, f.placeLaneTexts(s, 9), 1)
}

func TestContextLabels(t *testing.T) {
	for ctx, want := range map[int]string{512: "512", 1000: "1000", 1024: "1K", 1536: "1536", 20480: "20K", 131072: "128K", 1 << 20: "1M", 3 << 19: "1536K"} {
		assert.Equal(t, want, contextLabel(ctx))
	}
	assert.Equal(t, []int{80, 10, 64, 16, 70, 20}, labelOrder([]int{10, 16, 20, 64, 70, 80}))
}

func labels(ticks []tick) string {
	var out []string
	for _, k := range ticks {
		if k.label != "" {
			out = append(out, k.label)
		}
	}
	return strings.Join(out, " ")
}

func TestLogAxis(t *testing.T) {
	lo, hi := logRange(1, 1)
	assert.InDelta(t, 10, hi/lo/1.2589, 0.01, "a decade and some air around one value")
	assert.InDelta(t, 1, lo*hi, 1e-9)
	lo, hi = logRange(0.01, 1000)
	assert.True(t, lo < 0.01 && hi > 1000)
	for _, bad := range [][2]float64{{0, 0}, {-1, 2}} {
		lo, hi = logRange(bad[0], bad[1])
		assert.Equal(t, []float64{0.1, 10}, []float64{lo, hi})
	}
	assert.Equal(t, "0.05 0.1 0.2 0.5 1 2 5", labels(logTicks(0.04, 6, 200)))
	assert.Equal(t, "0.001 0.01 0.1 1 10 100 1000", labels(logTicks(0.0009, 1100, 70)))
	assert.Len(t, logTicks(0.0009, 1100, 70), 7, "too little room for lines between decades")
	assert.Len(t, logTicks(1, 10, 100), 10)
}

func TestLinearAxis(t *testing.T) {
	for want, top := range map[string]float64{"0 1 2 3 4 5": 5, "0 5 10 15 20 25 30": 30, "0 0.1 0.2 0.3 0.4": 0.45, "0 20 40 60 80 100": 100, "0": 0} {
		assert.Equal(t, want, labels(linearTicks(top, 6)), "%v", top)
	}
}

func TestRAMChartFacts(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock,
		sampleCell{ctx: 1024, trials: 2, ttft: time.Second},
		sampleCell{ctx: 2048, trials: 1, ttft: 2 * time.Second},
		sampleCell{ctx: 4096, trials: 1, ttft: time.Second, outcome: record.OOMHost, resume: true})
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	gib := func(n int64) record.Opt[int64] { return record.Some(n << 30) }
	sec := int64(time.Second)
	ticks := []telemetry.Tick{
		{At: 0, Session: 1, RAMUsed: gib(1), RAMTotal: gib(8)},
		{At: 5 * sec, Session: 1, RAMUsed: gib(2), ServerRSS: gib(1)},
		{At: 6 * sec, Session: 1},
		{At: 10 * sec, Session: 1, RAMUsed: gib(3)},
		{At: 1 * sec, Session: 2, RAMUsed: gib(4)},
		{At: 4 * sec, Session: 2, RAMUsed: gib(5)},
	}
	c, ok := newRAMChart(dir.Run(), []Stage{s}, map[string][]telemetry.Tick{baseline: ticks})
	require.True(t, ok)
	p := c.Panels[0]
	const g = 1 << 30
	assert.Equal(t, [][]ramPoint{{{0, g}, {5, 2 * g}}, {{10, 3 * g}}, {{11, 4 * g}, {14, 5 * g}}}, p.Used,
		"a missing figure and a new session leave gaps; session 2 follows session 1")
	assert.Equal(t, [][]ramPoint{{{5, g}}}, p.Server)
	assert.Equal(t, gib(8), p.Total)
	assert.Equal(t, []float64{10}, p.Seams)
	assert.Equal(t, 14.0, p.End)
	require.Len(t, p.Bands, 3)
	assert.Equal(t, []string{"1K", "2K", "4K"}, []string{p.Bands[0].Label, p.Bands[1].Label, p.Bands[2].Label})
	assert.Equal(t, 1.0, p.Bands[0].From)
	assert.InDelta(t, 11, p.Bands[2].From, 1e-9, "one second into session 2")
	require.Len(t, p.Events, 1)
	assert.Equal(t, "OOM", p.Events[0].Text)
	assert.InDelta(t, 12, p.Events[0].At, 1e-9, "when the request ended")
	assert.Equal(t, []string{"run sample", "memory of the machine that ran the mock"}, c.Head.Notes)
	top, unit, name := c.top()
	assert.Equal(t, "GiB", name)
	assert.Equal(t, float64(g), unit)
	assert.Equal(t, 8*g*1.06, top*1, "5 GiB used of 8: the machine's memory is on the axis")

	_, ok = newRAMChart(dir.Run(), []Stage{s}, map[string][]telemetry.Tick{baseline: {{At: 1, Session: 1}}})
	assert.False(t, ok, "ticks without a figure of memory")
}

func TestRAMBandsOfSeveralSweeps(t *testing.T) {
	dir := sampleRun(t)
	sampleStage(t, dir, baseline, mock, sampleCell{ctx: 1024, trials: 2}, sampleCell{ctx: 1024, users: 4, trials: 1})
	s, err := Load(dir, baseline)
	require.NoError(t, err)
	bands := ramBands(s, newStageClock(s.Log, nil))
	require.Len(t, bands, 2)
	assert.Equal(t, "1K users=4", bands[1].Label)
	assert.Equal(t, "Prompt/prompt=haiku", bandLabel("BenchmarkPrompt/prompt=haiku", true))
}

func TestThinKeepsPeaks(t *testing.T) {
	var l []ramPoint
	for i := range 100_000 {
		l = append(l, ramPoint{float64(i), 5})
	}
	l[31_415].Bytes, l[92_653].Bytes = 9, 1
	got := thin(l, 2000)
	assert.LessOrEqual(t, len(got), 2000)
	assert.Contains(t, got, l[31_415])
	assert.Contains(t, got, l[92_653])
	assert.Equal(t, l[0], got[0])
	assert.Equal(t, l[len(l)-1], got[len(got)-1])
	for i := 1; i < len(got); i++ {
		require.Less(t, got[i-1].At, got[i].At)
	}
	assert.Equal(t, l[:10], thin(l[:10], 10))
}

func TestEventClusters(t *testing.T) {
	x := func(s float64) vg.Length { return vg.Length(s) }
	room := func(string) vg.Length { return 50 }
	events := []ramEvent{{0, "OOM"}, {40, "OOM"}, {80, "server died"}, {200, "OOM"}}
	assert.Equal(t, []eventCluster{{[]vg.Length{0, 40, 80}, "OOM, server died"}, {[]vg.Length{200}, "OOM"}}, eventClusters(events, x, room))
}

func TestLooksAreFixed(t *testing.T) {
	a, b := lookOf(baseline), lookOf(aidaptiv)
	assert.NotEqual(t, a.color, b.color)
	assert.NotEqual(t, a.square, b.square, "told apart without colours too")
}
