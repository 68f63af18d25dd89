package metric_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func line(name string, values ...metric.Value) metric.Line {
	return metric.Line{Name: name, Procs: 1, Iterations: 1, Values: values}
}

func TestWriteFileReadFile(t *testing.T) {
	lines := []metric.Line{
		{Name: "BenchmarkContext/ctx=1024/users=1", Procs: 8, Iterations: 1, Values: []metric.Value{{Unit: metric.Decode, Value: 45.12}, {Unit: metric.TTFT, Value: 412345678}}},
		line("BenchmarkContext", metric.Value{Unit: metric.OKShare, Value: 0}),
		line("BenchmarkContext", metric.Value{Unit: metric.GapP50, Value: 0}, metric.Value{Unit: metric.TTFT, Value: 1.0 / 3}),
	}
	config := []metric.KeyValue{{"engine", "mockserver (simulated)"}, {"model", "m: 1"}}
	var buf bytes.Buffer
	require.NoError(t, metric.WriteFile(&buf, append(config, metric.KeyValue{Key: "quant"}), lines))
	assert.True(t, strings.HasPrefix(buf.String(), "Unit ttft-ns better=lower\n"))
	assert.NotContains(t, buf.String(), "quant", "an unknown value is left out: it would delete the key")

	got, gotConfig, err := metric.ReadFile(&buf, "x")
	require.NoError(t, err)
	assert.Equal(t, lines, got)
	assert.Equal(t, config, gotConfig)
}

func TestWriteLineRefuses(t *testing.T) {
	ttft := metric.Value{Unit: metric.TTFT, Value: 1}
	for want, l := range map[string]metric.Line{
		"want key=value":          line("BenchmarkX/8192", ttft),
		"no values":               line("BenchmarkX"),
		"not in the catalogue":    line("BenchmarkX", metric.Value{Unit: "ttft-ms", Value: 1}),
		"twice":                   line("BenchmarkX", ttft, ttft),
		"ttft-ns is NaN":          line("BenchmarkX", metric.Value{Unit: metric.TTFT, Value: math.NaN()}),
		"decode-tok/s is +Inf":    line("BenchmarkX", metric.Value{Unit: metric.Decode, Value: math.Inf(1)}),
		"BenchmarkX: 0 iteration": {Name: "BenchmarkX", Values: []metric.Value{ttft}},
	} {
		var buf bytes.Buffer
		assert.ErrorContains(t, metric.WriteLine(&buf, l), want)
		assert.Zero(t, buf.Len(), "nothing of a refused line is written")
		assert.ErrorContains(t, metric.WriteFile(&buf, nil, []metric.Line{l}), want)
		assert.Zero(t, buf.Len())
	}
	for _, kv := range []metric.KeyValue{{"Engine", "x"}, {"an engine", "x"}, {"engine", "x\nBenchmarkX 1 1 ns/op"}} {
		assert.Error(t, metric.WriteFile(&bytes.Buffer{}, []metric.KeyValue{kv}, nil))
	}
}

// What testing.B prints of a trial is what WriteLine writes of it, byte for byte.
func TestLineIsThatOfTesting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		q := full()
		q.Intended = record.Some(50*ms - r.Int64N(3)) // queue delays of 0 too
		q.First = record.Some(50*ms + 1 + r.Int64N(int64(math.Pow(10, 1+9*r.Float64()))))
		q.Last = record.Some(q.First.Or(0) + 1 + r.Int64N(int64(math.Pow(10, 1+9*r.Float64()))))
		values := metric.OfTrial(record.Trial{Start: 0, End: 1 + r.Int64N(1e12), Requests: 3}, []record.Request{q})
		result := testing.BenchmarkResult{N: 1, Extra: extra{}}
		metric.Report(extra(result.Extra), values)

		var buf bytes.Buffer
		require.NoError(t, metric.WriteLine(&buf, line("BenchmarkX", values...)))
		require.Equal(t, "BenchmarkX\t"+result.String()+"\n", buf.String())

		back, _, err := metric.ReadFile(&buf, "x")
		require.NoError(t, err)
		require.ElementsMatch(t, values, back[0].Values, "and reads as the same values")
	}
}

// extra collects metrics as testing.B does.
type extra map[string]float64

func (e extra) ReportMetric(n float64, unit string) { e[unit] = n }

func TestReadGoTestOutput(t *testing.T) {
	out := "goos: linux\npkg: aibench/benchmarks\nBenchmarkContext/ctx=1024-2 \t       1\t 4.5 ttft-ns\t 2 MB/s\nPASS\nok  \taibench/benchmarks\t0.1s\n"
	lines, config, err := metric.ReadFile(strings.NewReader(out), "x")
	require.NoError(t, err)
	assert.Equal(t, []metric.KeyValue{{"goos", "linux"}, {"pkg", "aibench/benchmarks"}}, config)
	assert.Equal(t, []metric.Line{{Name: "BenchmarkContext/ctx=1024", Procs: 2, Iterations: 1, Values: []metric.Value{{"ttft-ns", 4.5}, {"MB/s", 2}}}}, lines)
}

func TestReadFileErrors(t *testing.T) {
	_, _, err := metric.ReadFile(strings.NewReader("\nBenchmarkX 1 2\n"), "f.txt")
	assert.EqualError(t, err, "f.txt:2: missing units")
	_, _, err = metric.ReadFile(strings.NewReader("model: a\nBenchmarkX 1 2 ok-%\nmodel: b\nBenchmarkX 1 2 ok-%\n"), "f.txt")
	assert.ErrorContains(t, err, "f.txt:4: configuration differs")
	_, _, err = metric.ReadFile(strings.NewReader(strings.Repeat("x", 1<<20)), "f.txt")
	assert.ErrorContains(t, err, "f.txt")
	lines, _, err := metric.ReadFile(strings.NewReader(""), "f.txt")
	assert.NoError(t, err)
	assert.Empty(t, lines)
}

// Any line that is accepted is read back as it was.
func FuzzWriteLine(f *testing.F) {
	f.Add("BenchmarkContext/ctx=8192/users=1", 1, 8, 412345678.0, 45.12)
	f.Add("BenchmarkX", 3, 0, 0.0, 1e-7)
	f.Add("BenchmarkX/a=1.5", 1, 1, math.MaxFloat64, math.SmallestNonzeroFloat64)
	f.Add("BenchmarkX/a=-8", -1, -1, math.Inf(1), -0.5)
	f.Fuzz(func(t *testing.T, name string, iterations, procs int, ns, rate float64) {
		want := metric.Line{Name: name, Procs: procs, Iterations: iterations,
			Values: []metric.Value{{metric.Decode, rate}, {metric.TTFT, ns}}}
		var buf bytes.Buffer
		if metric.WriteLine(&buf, want) != nil {
			return
		}
		lines, _, err := metric.ReadFile(&buf, "x")
		require.NoError(t, err)
		want.Procs = max(1, procs)
		if ns == 1e-7 { // stands for 0
			want.Values[1].Value = 0
		}
		require.Equal(t, []metric.Line{want}, lines)
	})
}

func FuzzReadFile(f *testing.F) {
	f.Add("BenchmarkX-2 1 2 ttft-ns 3 ok-%\n")
	f.Add("engine: x\nUnit a better=lower\nBenchmark- 1 2 x\nBenchmarkX/a-08 1 0x1p-2 y\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, config, err := metric.ReadFile(strings.NewReader(text), "x")
		if err != nil {
			return
		}
		for _, l := range lines {
			require.True(t, strings.HasPrefix(l.Name, "Benchmark"))
			require.NotEmpty(t, l.Values)
		}
		var buf bytes.Buffer
		if metric.WriteFile(&buf, config, lines) != nil {
			return
		}
		again, _, err := metric.ReadFile(&buf, "x")
		require.NoError(t, err)
		require.Equal(t, len(lines), len(again))
	})
}

// benchstat reads our files without a word on stderr, and sees our medians: zeros
// in a unit that it scales are part of them.
func TestBenchstatReadsUs(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(3, 4))
	medians := make(map[string][]string)
	for _, stage := range []string{"baseline", "aidaptiv"} {
		var lines []metric.Line
		for _, ctx := range []int{1024, 2048} {
			for i := range 6 {
				q := full()
				q.First = record.Some(50*ms + int64(ctx)*100_000 + r.Int64N(5*ms))
				q.Last = record.Some(q.First.Or(0) + 400*ms + r.Int64N(5*ms))
				q.Intended = q.Start
				if i == 0 {
					q.Intended = record.Some(49 * ms)
				}
				values := metric.OfTrial(record.Trial{Start: 0, End: 900 * ms, Requests: 1}, []record.Request{q})
				lines = append(lines, metric.Line{Name: fmt.Sprintf("BenchmarkContext/ctx=%d/users=1", ctx), Procs: 2, Iterations: 1, Values: values})
			}
		}
		var buf bytes.Buffer
		require.NoError(t, metric.WriteFile(&buf, []metric.KeyValue{{"engine", "mockserver (simulated)"}}, lines))
		write(t, filepath.Join(dir, stage+".txt"), buf.Bytes())
		for _, unit := range []string{metric.TTFT, metric.Decode, metric.Queue} {
			var xs []float64
			for _, l := range lines[:6] {
				x, _ := l.Get(unit)
				xs = append(xs, x)
			}
			medians[unit] = append(medians[unit], fmt.Sprintf("%.9g", stats.Median(xs)))
		}
	}
	_, complaints := benchstat(t, dir, "baseline.txt", "aidaptiv.txt")
	assert.Empty(t, complaints)
	// As CSV, the footnotes ("all samples are equal" of ok-%) go to stderr.
	out, _ := benchstat(t, dir, "-format", "csv", "baseline.txt", "aidaptiv.txt")
	assert.Equal(t, []string{"0", "0"}, medians[metric.Queue], "five of six are 0")
	for unit, tidy := range map[string]string{metric.TTFT: "ttft-sec", metric.Decode: "decode-tok/s", metric.Queue: "queue-sec"} {
		got := csvMedians(t, out, tidy, "Context/ctx=1024/users=1-2")
		for i := range got {
			want := parse(t, medians[unit][i])
			if strings.HasSuffix(tidy, "-sec") {
				want /= 1e9
			}
			assert.InDelta(t, want, got[i], 1e-8*want+1e-15, "%s", unit)
		}
	}
	assert.NotContains(t, out, "queue-ns", "no zero was filed under a unit of its own")
}
