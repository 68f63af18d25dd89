package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// sampleStream is a cell of 3 trials with one request each, whose stream a test makes up:
// arrivals in ms since the start, and what each event is.
type sampleStream struct {
	name    string
	arrive  []int64
	kind    string
	tokens  int
	source  string
	queue   int64 // ms that it waited before it started
	server  int64 // ms that the server says it decoded; 0: nothing
	outcome record.Outcome
}

func (s sampleStream) request(trial int, at int64) record.Request {
	const ms = int64(time.Millisecond)
	r := record.Request{Cell: s.name, Trial: trial, Stamp: "user", Status: 200, Outcome: s.outcome,
		Intended: record.Some(at), Start: record.Some(at + s.queue*ms), Headers: record.Some(at + (s.queue+s.arrive[0])*ms),
		PromptTokens: record.Some(1024), CompletionTokens: record.Some(s.tokens), TokenSource: s.source, FinishReason: "length", Terminated: true}
	if s.server > 0 {
		r.ServerDecode = record.Some(s.server * ms)
	}
	r.Events.Kind = s.kind
	for k, ns := range s.arrive {
		ns *= ms
		r.Events.Arrive = append(r.Events.Arrive, ns)
		stamp := record.Some(r.Start.Or(0) + ns)
		if strings.IndexByte("trc", s.kind[k]) >= 0 {
			r.Last = stamp
			if !r.First.Has() {
				r.First = stamp
			}
		}
		if s.kind[k] == 't' && !r.Answer.Has() {
			r.Answer = stamp
		}
		r.End = stamp
	}
	return r
}

// streamsRun has the streams in the baseline, and a cell in aidaptiv that was not run.
func streamsRun(t *testing.T, streams ...sampleStream) *record.Dir {
	t.Helper()
	dir := sampleRun(t)
	j, _, err := record.OpenJournal(dir.Journal(baseline))
	require.NoError(t, err)
	_, err = j.Begin(record.Session{Stage: baseline, Engine: mock.Engine, Model: mock.Model, Quant: mock.Quant})
	require.NoError(t, err)
	at := int64(time.Second)
	for _, s := range streams {
		for trial := 1; trial <= 3; trial++ {
			r := s.request(trial, at)
			require.NoError(t, j.Request(&r))
			require.NoError(t, j.Trial(record.Trial{Cell: s.name, Trial: trial, Start: at, End: r.End.Or(0), Procs: 2}))
			at = r.End.Or(0) + int64(time.Second)
		}
	}
	require.NoError(t, j.Close())
	sampleStage(t, dir, aidaptiv, mock, sampleCell{ctx: 1024, notRun: "sweep ended at ctx=512/users=1: oom_gpu"})
	return dir
}

var (
	roleFirst = sampleStream{name: "BenchmarkContext/ctx=1024/users=1", queue: 30, server: 450,
		arrive: []int64{900, 1300, 1700, 2100, 2500, 2600, 2610}, kind: "ertttfu", tokens: 4, source: "server", outcome: record.OK}
	severalTokens = sampleStream{name: "BenchmarkContext/ctx=2048/users=1",
		arrive: []int64{200, 300, 400, 500, 501}, kind: "ttttu", tokens: 16, source: "server", outcome: record.OK}
	outOfMemory = sampleStream{name: "BenchmarkContext/ctx=4096/users=1",
		arrive: []int64{200}, kind: "t", tokens: 1, source: "events", outcome: record.OOMGPU}
)

func explained(t *testing.T, dir *record.Dir, only Selection) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteExplanation(&b, dir, only))
	return b.String()
}

// What trap 1 was about: 0.9 s reported, with a first gap of 0.4 s, where it took 1.3 s.
func TestExplanation(t *testing.T) {
	got := explained(t, streamsRun(t, roleFirst, severalTokens, outOfMemory), Selection{})
	golden(t, "testdata/explain.txt", got)
	for _, line := range strings.Split(got, "\n") {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), explainWidth, line)
	}
}

func TestExplanationSelects(t *testing.T) {
	dir := streamsRun(t, roleFirst, severalTokens)
	got := explained(t, dir, Selection{Stage: baseline, Cell: "ctx=2048/"})
	assert.Contains(t, got, "baseline  Context/ctx=2048/users=1  3 trials, 3 requests: 3 ok\n")
	assert.NotContains(t, got, "ctx=1024")
	assert.NotContains(t, got, "\naidaptiv")

	for _, c := range []struct {
		only Selection
		want string
	}{
		{Selection{Cell: "ctx=99"}, `run sample: no cell with "ctx=99" in its name: there are BenchmarkContext/ctx=1024/users=1, BenchmarkContext/ctx=2048/users=1`},
		{Selection{Stage: "third"}, "run sample: stage third has not been measured"},
	} {
		var b bytes.Buffer
		require.EqualError(t, WriteExplanation(&b, dir, c.only), c.want)
		assert.Empty(t, b.String(), "an error prints no half of a report")
	}
	require.EqualError(t, WriteExplanation(&bytes.Buffer{}, sampleRun(t), Selection{}), "run sample: nothing has been measured")
}

// Each sentence of the paragraph follows from one cause, and is silent without it.
func TestWhyTheyDiffer(t *testing.T) {
	some := record.Some[float64]
	base := metric.Causes{Requests: 4, TTFT: some(200e6), E2E: some(100e9), Decode: some(20), Tokens: some(101),
		Queue: some(0), HeadersLead: some(0), ChunkLead: some(0), Reasoning: some(0), FinishLag: some(0), EndLag: some(0), PerChunk: some(1)}
	for _, c := range []struct {
		name   string
		change func(*metric.Causes)
		want   string // "": nothing to say
	}{
		{"nothing", func(*metric.Causes) {}, ""},
		{"nothing known", func(c *metric.Causes) { *c = metric.Causes{Requests: 4} }, ""},
		{"below 1 %", func(c *metric.Causes) {
			c.ChunkLead, c.Reasoning, c.Queue, c.PerChunk, c.ServerDecode = some(1.9e6), some(1.9e6), some(1.9e6), some(1.009), some(20.1)
		}, ""},
		{"role first", func(c *metric.Causes) { c.ChunkLead, c.HeadersLead = some(50e6), some(80e6) },
			"A chunk without text came 50.0 ms before the first text: tools that take any chunk for a token report 25.0 % less TTFT."},
		{"headers first", func(c *metric.Causes) { c.HeadersLead = some(80e6) },
			"The first chunk came with the first text, but the response began 80.0 ms before it: time to first byte is 40.0 % less than TTFT."},
		{"reasoning", func(c *metric.Causes) { c.Reasoning = some(400e6) },
			"The answer began 400 ms after the first text, reasoning or a tool call: tools that look at the answer alone report 200.0 % more TTFT."},
		{"no answer", func(c *metric.Causes) { c.NoAnswer = 1 },
			"1 of 4 ok requests gave no answer text at all: tools that wait for it have no TTFT of them, or 0."},
		{"queue", func(c *metric.Causes) { c.Queue = some(2e9) },
			"Requests waited 2.00 s in the client before they started, 1000.0 % of TTFT, which only figures from intent show."},
		{"several tokens a chunk", func(c *metric.Causes) { c.PerChunk = some(2.5) },
			"A text chunk carried 2.50 tokens on average: a gap between chunks is not the time of a token, and counting chunks finds 40.0 % of the tokens."},
		{"chunks counted", func(c *metric.Causes) { c.Estimated, c.PerChunk = 4, record.Opt[float64]{} },
			"The server gave no token count for 4 of 4 ok requests: their n is the number of chunks, and what follows from it an estimate."},
		{"open end", func(c *metric.Causes) { c.EndLag = some(2e9) },
			"The stream stayed open 2.00 s after the last text, 2.0 % of the request, which tools that measure to its end count in."},
		{"late finish", func(c *metric.Causes) { c.EndLag, c.FinishLag = some(2e9), some(1e9) },
			"The stream stayed open 2.00 s after the last text, 2.0 % of the request, which tools that measure to its end count in." +
				" Its last chunk with a choice came 1.00 s after the last text."},
		{"slow start", func(c *metric.Causes) { c.TTFT = some(50e9) },
			"TTFT is 50.0 % of the request: a time per token that counts it in spreads it over all 101 tokens, and dividing by n instead of n - 1 takes 1.0 % off."},
		{"server's timer", func(c *metric.Causes) { c.ServerDecode = some(25) },
			"By its own timer the server decodes 25.0 tok/s, the client sees 20.0 tok/s: the timers begin and end elsewhere, and the first token is in the server's count."},
	} {
		causes := base
		c.change(&causes)
		want := "Why they differ: they hardly do; nothing in these requests sets the definitions apart by 1 %."
		if c.want != "" {
			want = "Why they differ: " + c.want
		}
		assert.Equal(t, want, explanation(causes), c.name)
	}
}

func TestDifference(t *testing.T) {
	some, none := record.Some[float64], record.Opt[float64]{}
	for _, c := range []struct {
		v, ours record.Opt[float64]
		want    string
	}{
		{some(2), some(1), "+100.0 %"},
		{some(20), some(1), "+1900 %"},
		{some(0.5), some(1), "-50.0 %"},
		{some(0), some(1), "-100.0 %"},
		{some(1), some(1), "0.0 %"},
		{some(0.9999), some(1), "0.0 %"},
		{some(1), some(0), "-"},
		{some(1), none, "-"},
		{none, some(1), "-"},
	} {
		assert.Equal(t, c.want, difference(c.v, c.ours))
	}
}

func TestWrapped(t *testing.T) {
	assert.Equal(t, "a bb\n  ccc", wrapped("a  bb ccc", 5, "  "))
	assert.Equal(t, "µµ µµ", wrapped("µµ µµ", 5, ""), "letters, not bytes")
	assert.Equal(t, "toolong\nx", wrapped("toolong x", 3, ""))
	assert.Equal(t, "takes\n25.0 % off", wrapped("takes 25.0 % off", 11, ""), "a number keeps its unit")
	assert.Empty(t, wrapped("", 5, " "))
}
