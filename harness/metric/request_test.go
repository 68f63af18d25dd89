package metric_test

import (
	"testing"

	"aibench/harness/metric"
	"aibench/harness/record"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ms = int64(1_000_000)

// full is a request with every fact: TTFT 200 ms, 9 tokens in 400 ms after it.
func full() record.Request {
	return record.Request{
		Outcome:  record.OK,
		Intended: record.Some(0 * ms), Start: record.Some(50 * ms), First: record.Some(250 * ms),
		Answer: record.Some(300 * ms), Last: record.Some(650 * ms),
		Events: record.Events{
			Arrive: []int64{100 * ms, 200 * ms, 250 * ms, 250 * ms, 400 * ms, 600 * ms, 610 * ms},
			Kind:   "errtctu",
		},
		PromptTokens: record.Some(1000), CachedTokens: record.Some(200), CompletionTokens: record.Some(9),
		ServerLoad: record.Some(5 * ms), ServerPrefill: record.Some(190 * ms), ServerDecode: record.Some(390 * ms),
	}
}

func TestOfRequest(t *testing.T) {
	f := metric.OfRequest(full())
	for unit, want := range map[string]float64{
		metric.Queue:           50e6,
		metric.TTFT:            200e6,
		metric.TTFTSched:       250e6,
		metric.TTFA:            250e6,
		metric.TPOT:            50e6,
		metric.Decode:          20,
		metric.Prefill:         5000,
		metric.PrefillUncached: 4000,
		metric.Overall:         15,
		metric.E2E:             600e6,
		metric.GapP50:          100e6, // of 50, 0, 150 and 200 ms
		metric.GapMax:          200e6,
		metric.PromptTokens:    1000,
		metric.CompletionToks:  9,
		metric.CachedTokens:    200,
		metric.ServerLoad:      5e6,
		metric.ServerPrefill:   190e6,
		metric.ServerDecode:    390e6,
	} {
		got, ok := f.Get(unit)
		assert.True(t, ok, unit)
		assert.InDelta(t, want, got, 1e-6, unit)
	}
	assert.Len(t, f.Values(), 18, "and no other")
	assert.Equal(t, []float64{50e6, 0, 150e6, 200e6}, metric.Gaps(full()), "a gap of 0 is a value; events without text are none")
}

// Each case takes facts away, and names the figures that are then undefined.
func TestUndefinedIsAbsent(t *testing.T) {
	speeds := []string{metric.TPOT, metric.Decode}
	for _, c := range []struct {
		name    string
		change  func(*record.Request)
		missing []string
	}{
		{"one token", func(r *record.Request) { r.CompletionTokens = record.Some(1) }, speeds},
		{"no tokens", func(r *record.Request) { r.CompletionTokens = record.Some(0) }, append(speeds, metric.Overall)},
		{"unknown count", func(r *record.Request) { r.CompletionTokens = record.Opt[int]{} }, append(speeds, metric.Overall, metric.CompletionToks)},
		{"all text in one event", func(r *record.Request) { r.Last = r.First }, speeds},
		{"no text", func(r *record.Request) {
			r.First, r.Answer, r.Last = record.Opt[int64]{}, record.Opt[int64]{}, record.Opt[int64]{}
		},
			append(speeds, metric.TTFT, metric.TTFTSched, metric.TTFA, metric.E2E, metric.Overall, metric.Prefill, metric.PrefillUncached)},
		{"TTFT of 0 is a stamp never set", func(r *record.Request) { r.First = r.Start }, []string{metric.TTFT, metric.Prefill, metric.PrefillUncached}},
		{"only reasoning", func(r *record.Request) { r.Answer = record.Opt[int64]{} }, []string{metric.TTFA}},
		{"started before intended", func(r *record.Request) { r.Intended = record.Some(60 * ms) }, []string{metric.Queue}},
		{"no cache figure", func(r *record.Request) { r.CachedTokens = record.Opt[int]{} }, []string{metric.PrefillUncached, metric.CachedTokens}},
		{"more cached than sent", func(r *record.Request) { r.CachedTokens = record.Some(2000) }, []string{metric.PrefillUncached}},
		{"no usage", func(r *record.Request) { r.PromptTokens = record.Opt[int]{} }, []string{metric.Prefill, metric.PrefillUncached, metric.PromptTokens}},
		{"server reports 0", func(r *record.Request) { r.ServerPrefill = record.Some[int64](0) }, []string{metric.ServerPrefill}},
		{"one event", func(r *record.Request) { r.Events = record.Events{Arrive: []int64{1}, Kind: "t"} }, []string{metric.GapP50, metric.GapMax}},
		{"torn columns", func(r *record.Request) { r.Events.Kind = "et" }, []string{metric.GapP50, metric.GapMax}},
	} {
		r := full()
		c.change(&r)
		f := metric.OfRequest(r)
		var missing []string
		for _, v := range metric.OfRequest(full()).Values() {
			if _, ok := f.Get(v.Unit); !ok {
				missing = append(missing, v.Unit)
			}
		}
		assert.ElementsMatch(t, c.missing, missing, c.name)
	}
	assert.Empty(t, metric.OfRequest(record.Request{}).Values())
}

func TestPrefillFallsBackToWhatWasSent(t *testing.T) {
	r := full()
	r.PromptTokens, r.PromptSent = record.Opt[int]{}, 800
	v, ok := metric.OfRequest(r).Get(metric.Prefill)
	require.True(t, ok)
	assert.InDelta(t, 4000, v, 1e-9)
}

func TestGapP99FromHundred(t *testing.T) {
	var r record.Request
	for i := range 101 {
		_, ok := metric.OfRequest(r).Get(metric.GapP99)
		require.False(t, ok)
		r.Events.Arrive = append(r.Events.Arrive, int64(i*i))
		r.Events.Kind += "t"
	}
	v, ok := metric.OfRequest(r).Get(metric.GapP99)
	assert.True(t, ok)
	assert.InDelta(t, 2*99.663333-1, v, 1e-3) // the k-th of 100 gaps is 2k-1
}

func TestEstimated(t *testing.T) {
	r := full()
	assert.False(t, metric.Estimated(r))
	r.TokenSource = "events"
	assert.True(t, metric.Estimated(r))
	r.CompletionTokens = record.Opt[int]{}
	assert.False(t, metric.Estimated(r), "no count, nothing to estimate")
}
