package metric_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// spoken is a request that every dialect hears differently: it waited 40 ms, the headers
// came after 50 ms, a chunk with only a role after 100 (trap 1), reasoning after 200
// (trap 2), the answer from 400 to 600 in three chunks, two at one instant (trap 4), for
// 9 tokens in 4 chunks (trap 9); then a finish at 650, usage, and the end at 700.
func spoken() record.Request {
	return record.Request{
		Outcome: record.OK, Intended: record.Some(10 * ms), Start: record.Some(50 * ms), Headers: record.Some(100 * ms),
		First: record.Some(250 * ms), Answer: record.Some(450 * ms), Last: record.Some(650 * ms), End: record.Some(750 * ms),
		Events: record.Events{
			Arrive: []int64{100 * ms, 200 * ms, 400 * ms, 600 * ms, 600 * ms, 650 * ms, 660 * ms},
			Kind:   "ertttfu",
		},
		PromptTokens: record.Some(1000), CachedTokens: record.Some(200),
		CompletionTokens: record.Some(9), TokenSource: "server",
		ServerPrefill: record.Some(200 * ms), ServerDecode: record.Some(360 * ms),
	}
}

func key(d metric.Dialect) string { return d.Family.Title + ": " + d.Name }

// heard is what each dialect makes of spoken, in ns, tokens a second, and tokens.
var heard = map[string]float64{
	"time to first token: first text of any kind":   200e6,
	"time to first token: first byte":               50e6,
	"time to first token: first chunk":              100e6,
	"time to first token: first answer token":       400e6,
	"time to first token: first byte, from intent":  90e6,
	"time to first token: first chunk, from intent": 140e6,
	"time to first token: first text, from intent":  240e6,
	"time to first token: answer, from intent":      440e6,

	"time per output token: without the first token": 400e6 / 8,
	"time per output token: first to last choice":    550e6 / 8,
	"time per output token: of the answer":           200e6 / 8,
	"time per output token: from answer to end":      300e6 / 8,
	"time per output token: with the first token":    600e6 / 9,
	"time per output token: with it, to last answer": 600e6 / 9,
	"time per output token: with it, to the end":     700e6 / 9,
	"time per output token: from first chunk to end": 600e6 / 9,
	"time per output token: mean gap, text chunks":   400e6 / 3,
	"time per output token: mean gap, answer chunks": 200e6 / 2,
	"time per output token: mean gap, choice chunks": 550e6 / 5,

	"decode speed: without the first token": 20,
	"decode speed: with the first token":    22.5,
	"decode speed: from first chunk to end": 15,
	"decode speed: by the server's timer":   25,
	"decode speed: chunks for tokens":       7.5,

	"overall speed: to the last text":         15,
	"overall speed: to the last answer":       15,
	"overall speed: to the end of the stream": 9 / 0.7,

	"end to end: to the last text":         600e6,
	"end to end: to the last answer":       600e6,
	"end to end: to the last choice":       650e6,
	"end to end: to the end of the stream": 700e6,
	"end to end: to the end, from intent":  740e6,

	"prefill speed: until the first text":   5000,
	"prefill speed: by the server's timer":  5000,
	"prefill speed: by it, uncached tokens": 4000,

	"completion tokens: as counted for this run": 9,
	"completion tokens: the server's usage":      9,
	"completion tokens: chunks with text":        4,
}

func TestDialects(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range metric.Dialects() {
		require.False(t, seen[key(d)], "%s twice", key(d))
		seen[key(d)] = true
		want, known := heard[key(d)]
		require.True(t, known, "%s has no expected value", key(d))
		got, ok := d.Of(spoken()).Get()
		assert.True(t, ok, key(d))
		assert.InDelta(t, want, got, 1e-6, key(d))
	}
	assert.Len(t, seen, len(heard))
}

// The one that is ours comes first and is the metric of the catalogue, so that the table
// can't explain another figure than the one on the benchmark line.
func TestOursIsTheCatalogue(t *testing.T) {
	var family metric.Family
	ours := map[metric.Family]int{}
	for _, d := range metric.Dialects() {
		assert.Equal(t, d.Family != family, d.Ours, key(d))
		family = d.Family
		_, known := metric.ByUnit(family.Unit)
		require.True(t, known, family.Unit)
		if !d.Ours {
			continue
		}
		ours[family]++
		want, _ := metric.OfRequest(spoken()).Get(family.Unit)
		got, ok := d.Of(spoken()).Get()
		assert.True(t, ok)
		assert.Equal(t, want, got, key(d))
	}
	for _, f := range metric.Families() {
		assert.Equal(t, 1, ours[f], f.Title)
	}
	assert.Len(t, ours, len(metric.Families()))
}

// A tool is named only with the place where its definition was read.
func TestUsesHaveSources(t *testing.T) {
	used := map[string]bool{}
	tools := map[string]bool{}
	for _, tool := range metric.Tools() {
		tools[tool.Name] = true
	}
	for _, d := range metric.Dialects() {
		assert.NotEmpty(t, d.Formula, key(d))
		for _, u := range d.Uses {
			used[u.Tool] = true
			assert.NotEmpty(t, u.As, key(d))
			assert.Regexp(t, `^[\w.-]+/[\w.-]+ [\w/.-]+@[0-9a-f]{8}(, [\w/.-]+@[0-9a-f]{8})*$`, u.Source, "%s: %s", key(d), u.Tool)
		}
	}
	assert.Equal(t, tools, used)
}

// Each case takes facts away, and names the dialects that are then undefined, by a
// pattern of "family: name = formula". A figure that is there is never 0.
func TestDialectsAreAbsentNotZero(t *testing.T) {
	none := record.Opt[int64]{}
	for _, c := range []struct {
		name    string
		change  func(*record.Request)
		missing string
	}{
		{"no headers", func(r *record.Request) { r.Headers = none }, `headers`},
		{"no intent", func(r *record.Request) { r.Intended = none }, `intended`},
		{"no events", func(r *record.Request) { r.Events = record.Events{} }, `(chunk|choice|text|answer)\([kz]\)|chunk\(1\)|texts`},
		{"only reasoning", func(r *record.Request) { r.Answer, r.Events.Kind = none, "errrrfu" }, `= .*answer`},
		{"one token", func(r *record.Request) { r.CompletionTokens = record.Some(1) }, `\(n-1\)`},
		{"unknown count", func(r *record.Request) { r.CompletionTokens = record.Opt[int]{} }, `= .*\bn\b|usage\.`},
		{"chunks counted", func(r *record.Request) { r.TokenSource = "events" }, `usage\.`},
		{"no server timer", func(r *record.Request) { r.ServerDecode, r.ServerPrefill = none, none }, `timer|by it`},
		{"server reports 0", func(r *record.Request) { r.ServerDecode, r.ServerPrefill = record.Some(0*ms), record.Some(0*ms) }, `timer|by it`},
		{"no cache figure", func(r *record.Request) { r.CachedTokens = record.Opt[int]{} }, `cached`},
		{"all cached", func(r *record.Request) { r.CachedTokens = record.Some(1000) }, `cached`},
		{"stream not closed", func(r *record.Request) { r.End = none }, `= .*\bend\b`},
		{"headers before the start", func(r *record.Request) { r.Headers = record.Some(49 * ms) }, `headers - start`},
		{"a stamp never set", func(r *record.Request) { r.First = r.Start }, `= first - start|p / \(first`},
		{"one chunk", func(r *record.Request) { r.Events = record.Events{Arrive: []int64{200 * ms}, Kind: "t"} },
			`(choice|answer)\(z\) - (choice|answer)\(1\)|answer\(z\) - answer|mean of|texts-1`},
	} {
		r := spoken()
		c.change(&r)
		missing := regexp.MustCompile(c.missing)
		for _, d := range metric.Dialects() {
			v, ok := d.Of(r).Get()
			assert.Equal(t, !missing.MatchString(key(d)+" = "+d.Formula), ok, "%s: %s = %s", c.name, key(d), d.Formula)
			assert.True(t, !ok || v > 0, "%s: %s is %g", c.name, key(d), v)
		}
	}
	for _, d := range metric.Dialects() {
		assert.False(t, d.Of(record.Request{}).Has(), key(d))
	}
}

// Two chunks in one piece are normal: their gap is 0, and no decode speed follows.
func TestMeanGapOfZeroIsAValue(t *testing.T) {
	r := spoken()
	r.Events = record.Events{Arrive: []int64{200 * ms, 200 * ms}, Kind: "tt"}
	r.Last = r.First
	gap, ok := dialect(t, "time per output token: mean gap, text chunks").Of(r).Get()
	assert.True(t, ok)
	assert.Zero(t, gap)
	assert.False(t, dialect(t, "decode speed: chunks for tokens").Of(r).Has())
}

func dialect(t *testing.T, name string) metric.Dialect {
	t.Helper()
	for _, d := range metric.Dialects() {
		if key(d) == name {
			return d
		}
	}
	require.Fail(t, "no dialect "+name)
	return metric.Dialect{}
}

// trial has a request for each TTFT in ms; 0 stands for one that failed after its first
// chunk.
func trial(ttfts ...int64) record.TrialData {
	var td record.TrialData
	for _, ttft := range ttfts {
		r := spoken()
		r.First = record.Some((50 + ttft) * ms)
		if ttft == 0 {
			r.First, r.Outcome = record.Some(51*ms), record.TruncatedStream
		}
		td.Requests = append(td.Requests, r)
	}
	return td
}

func TestDialectOfTrialAndCell(t *testing.T) {
	d := dialect(t, "time to first token: first text of any kind")
	of := func(ttfts ...int64) record.Opt[float64] { return d.OfTrial(trial(ttfts...).Requests) }
	assert.Equal(t, record.Some(30e6), of(10, 30, 90), "the median")
	assert.Equal(t, record.Some(60e6), of(30, 0, 90), "of the ok requests")
	assert.False(t, of(0, 0).Has())
	assert.False(t, of().Has())
	assert.Equal(t, record.Some(60e6), d.OfCell([]record.TrialData{trial(30), trial(0), trial(90, 90, 1000), trial()}), "over trials that have one")
	assert.False(t, d.OfCell(nil).Has())
}

func TestCauses(t *testing.T) {
	some := record.Some[float64]
	full := metric.Causes{
		Requests: 1, Queue: some(40e6), HeadersLead: some(150e6), ChunkLead: some(100e6), Reasoning: some(200e6),
		FinishLag: some(50e6), EndLag: some(100e6), PerChunk: some(2.25), Tokens: some(9),
		TTFT: some(200e6), E2E: some(600e6), Decode: some(20), ServerDecode: some(25),
	}
	of := func(change func(*record.Request)) metric.Causes {
		r := spoken()
		change(&r)
		failed := spoken()
		failed.Outcome, failed.Answer, failed.TokenSource = record.Stalled, record.Opt[int64]{}, "events"
		return metric.CausesOf([]record.TrialData{{Requests: []record.Request{r, failed}}})
	}
	assert.Equal(t, full, of(func(*record.Request) {}), "failed requests don't count")

	plain := full
	plain.ChunkLead, plain.Reasoning, plain.HeadersLead, plain.Queue = some(0), some(0), some(0), some(0)
	assert.Equal(t, plain, of(func(r *record.Request) {
		r.Events = record.Events{Arrive: r.Events.Arrive[1:], Kind: "ttttfu"}
		r.Answer, r.Headers, r.Intended = r.First, r.First, r.Start
	}), "nothing came before the text: 0 is a value")

	silent := full
	silent.Reasoning, silent.NoAnswer = record.Opt[float64]{}, 1
	silent.PerChunk, silent.Estimated = record.Opt[float64]{}, 1
	assert.Equal(t, silent, of(func(r *record.Request) { r.Answer, r.TokenSource = record.Opt[int64]{}, "events" }))
	assert.Equal(t, metric.Causes{}, metric.CausesOf(nil))
}
