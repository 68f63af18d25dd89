package capacity_test

import (
	"flag"
	"math"
	"testing"

	"aibench/harness/capacity"
	"aibench/harness/metric"
	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]capacity.Objective{
		"ttft=2s":               {Unit: metric.TTFT, Limit: 2e9},
		"tpot=50ms":             {Unit: metric.TPOT, Limit: 50e6},
		"ttft-p90=10s":          {Unit: metric.TTFT, Percentile: record.Some(90.0), Limit: 10e9},
		"ttft-sched-p99.9=1.5s": {Unit: metric.TTFTSched, Percentile: record.Some(99.9), Limit: 1.5e9},
		"gap-max-p95=250us":     {Unit: metric.GapMax, Percentile: record.Some(95.0), Limit: 250e3},
		"queue=7ns":             {Unit: metric.Queue, Limit: 7},
		"decode=20tok/s":        {Unit: metric.Decode, Limit: 20},
		"prefill-uncached-p10=1200.5tok/s": {Unit: metric.PrefillUncached, Percentile: record.Some(10.0),
			Limit: 1200.5},
		"ok=99.5%": {Unit: metric.OKShare, Limit: 99.5},
	} {
		got, err := capacity.Parse(in)
		require.NoError(t, err, in)
		require.Equal(t, capacity.Objectives{want}, got, in)
		assert.Equal(t, in, got.String())
	}
	three, err := capacity.Parse("ttft-p90=10s,decode=20tok/s,ok=99%")
	require.NoError(t, err)
	assert.Len(t, three, 3)
	assert.Equal(t, []float64{0.90, 0.50, 0.99}, []float64{three[0].Share(), three[1].Share(), three[2].Share()})
}

func TestStringChoosesTheUnit(t *testing.T) {
	for in, want := range map[string]string{"ttft=2000ms": "ttft=2s", "ttft=0.5s": "ttft=500ms", "ttft=0.25ns": "ttft=0.25ns",
		"ttft=1500000ns": "ttft=1.5ms", "decode-p050=020tok/s": "decode-p50=20tok/s"} {
		os, err := capacity.Parse(in)
		require.NoError(t, err)
		assert.Equal(t, want, os.String())
	}
}

func TestParseNamesThePosition(t *testing.T) {
	for in, want := range map[string]struct {
		column int
		cause  string
	}{
		"":                        {1, "want an objective such as ttft=2s"},
		"ttft=2s,":                {9, "want an objective such as ttft=2s"},
		",ttft=2s":                {1, "want an objective such as ttft=2s"},
		"ttft":                    {5, `want = and a limit after "ttft"`},
		"ttft=2s,tpot":            {13, `want = and a limit after "tpot"`},
		"ttft=":                   {6, `want a duration such as 2s or 50ms, got ""`},
		"ttft=2":                  {7, `want a duration such as 2s or 50ms, got "2"`},
		"ttft=2h":                 {7, `want a duration such as 2s or 50ms, got "2h"`},
		"ttft=2s ":                {7, `want a duration such as 2s or 50ms, got "2s "`},
		"ttft=-2s":                {6, `want a duration such as 2s or 50ms, got "-2s"`},
		"ttft=.5s":                {6, `want a duration such as 2s or 50ms, got ".5s"`},
		"ttft=1.2.3s":             {6, `want a duration such as 2s or 50ms, got "1.2.3s"`},
		"ttft=1e3s":               {7, `want a duration such as 2s or 50ms, got "1e3s"`},
		"ttft=0s":                 {6, `want a limit above 0, and not without end, got "0s"`},
		"ttft=2s,tpot=50mss":      {16, `want a duration such as 2s or 50ms, got "50mss"`},
		"décode=20tok/s":          {1, `unknown figure "décode": want one of`},
		"ttft=2é,tpot=5":          {7, `want a duration`},
		"decode=20":               {10, `want a speed such as 20tok/s, got "20"`},
		"decode=20s":              {10, `want a speed such as 20tok/s, got "20s"`},
		"ttft=2s,ok=101%":         {12, "want a share of at most 100%"},
		"ok=99":                   {6, `want a share such as 99%, got "99"`},
		"ok-p90=99%":              {3, "ok is a share by itself and has no percentile"},
		"ttft-p100=2s":            {7, `want a percentile between 0 and 100, got "100"`},
		"ttft-p0=2s":              {7, `want a percentile between 0 and 100, got "0"`},
		"ttft-p9x=2s":             {7, `want a percentile between 0 and 100, got "9x"`},
		"ttft-p-5=2s":             {7, `want a percentile between 0 and 100, got "-5"`},
		"TTFT=2s":                 {1, `unknown figure "TTFT"`},
		" ttft=2s":                {1, `unknown figure " ttft"`},
		"gap-p99=100ms":           {1, `unknown figure "gap": a request has many gaps; take tpot, or gap-max for the longest`},
		"prompt=5tok":             {1, `unknown figure "prompt": want one of ttft, ttft-sched,`},
		"ttft=2s,ttft=3s":         {9, "a second limit for what ttft=2s limits already"},
		"ttft=2s,ttft-p50=3s":     {9, "a second limit for what ttft=2s limits already"},
		"ttft-p90=2s,ttft-p90=3s": {13, "a second limit for what ttft-p90=2s limits already"},
		"ok=99%,ok=98%":           {8, "a second share of ok requests"},
	} {
		_, err := capacity.Parse(in)
		var syntax *capacity.SyntaxError
		require.ErrorAs(t, err, &syntax, "%q", in)
		assert.Equal(t, want.column, syntax.Column, "%q: %v", in, err)
		assert.Contains(t, syntax.Cause, want.cause, "%q", in)
	}
	_, err := capacity.Parse("ttft=2s,tpot=50")
	assert.EqualError(t, err, `objectives "ttft=2s,tpot=50": column 16: want a duration such as 2s or 50ms, got "50"`)
}

func TestObjectivesAreAFlag(t *testing.T) {
	var slo capacity.Objectives
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(&discard{})
	fs.Var(&slo, "slo", "")
	require.NoError(t, fs.Parse([]string{"-slo", "ttft=2s,tpot=50ms"}))
	assert.Equal(t, "ttft=2s,tpot=50ms", slo.String())
	assert.ErrorContains(t, fs.Parse([]string{"-slo", "ttft=2"}), "column 7")
	assert.Equal(t, "ttft=2s,tpot=50ms", slo.String(), "a bad value changes nothing")
}

type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

// What parses is usable, and its string form means the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"ttft=2s,tpot=50ms", "ttft-p90=10s,decode=20tok/s,ok=99%", "gap-max-p99.9=0.1us", "ok-p90=1%",
		"ttft=", "ttft=99999999999999999999s", "ttft=0.000000000000000000001ns", "decode=é", "ttft-p=1s", "ttft=123.456ms"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		os, err := capacity.Parse(s)
		if err != nil {
			var syntax *capacity.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.GreaterOrEqual(t, syntax.Column, 1)
			require.LessOrEqual(t, syntax.Column, len([]rune(s))+1)
			return
		}
		require.NotEmpty(t, os)
		for _, o := range os {
			require.True(t, o.Limit > 0 && !math.IsInf(o.Limit, 0))
			require.True(t, o.Share() > 0 && o.Share() <= 1)
			_, err := capacity.NewRule([]capacity.Objective{o}, 0.05, math.MaxInt32)
			if o.Share() < 0.99999 {
				require.NoError(t, err)
			}
		}
		again, err := capacity.Parse(os.String())
		require.NoError(t, err, "%q from %q", os.String(), s)
		require.Equal(t, os, again)
		require.Equal(t, os.String(), again.String())
	})
}
