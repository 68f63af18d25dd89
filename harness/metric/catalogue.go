package metric

import (
	"slices"
	"strconv"

	"aibench/harness/record"
)

// Units of the figures that other packages ask for by name.
const (
	Queue           = "queue-ns"
	TTFT            = "ttft-ns"
	TTFTSched       = "ttft-sched-ns"
	TTFA            = "ttfa-ns"
	Gap             = "gap-ns"
	GapP50          = "gap-p50-ns"
	GapP99          = "gap-p99-ns"
	GapMax          = "gap-max-ns"
	TPOT            = "tpot-ns"
	Decode          = "decode-tok/s"
	Prefill         = "prefill-tok/s"
	PrefillUncached = "prefill-uncached-tok/s"
	Overall         = "overall-tok/s"
	E2E             = "e2e-ns"
	System          = "system-tok/s"
	OKShare         = "ok-%"
	Goodput         = "goodput-%"
	GoodputRate     = "goodput-req/s"
	MaxOKUsers      = "max-ok-users"
	MinFailUsers    = "min-fail-users"
	PromptTokens    = "prompt-tok"
	CompletionToks  = "completion-tok"
	CachedTokens    = "cached-tok"
	ServerLoad      = "server-load-ns"
	ServerPrefill   = "server-prefill-ns"
	ServerDecode    = "server-decode-ns"
)

// Directions of Metric.Better; the empty string means that neither is.
const (
	Lower  = "lower"
	Higher = "higher"
)

// Metric describes one figure.
type Metric struct {
	Name     string // of the definitions, e.g. "TTFT from intent"
	Unit     string // in benchmark files; unique in the catalogue
	Better   string // Lower, Higher, or empty: neither
	Title    string // short, for the heads of tables and the axes of charts
	Sentence string // what it tells, for people
	Formula  string // in the symbols of record.Request

	of    func(record.Request) (float64, bool) // of one request; nil: not a figure of one request
	count bool                                 // a count, known of failed requests too
	tails bool                                 // its P90, P95 and P99 within a trial are metrics as well
}

// base holds what is written by hand; the percentiles within a trial follow.
var base = []Metric{
	{Name: "TTFT", Unit: TTFT, Better: Lower, Title: "TTFT", of: ttft, tails: true,
		Sentence: "time to first token: how long the user looks at nothing", Formula: "first - start"},
	{Name: "TTFT from intent", Unit: TTFTSched, Better: Lower, Title: "TTFT from intent", of: ttftSched, tails: true,
		Sentence: "the same, counted from when the schedule wanted the request to start, so that waiting in the client is not hidden", Formula: "first - intended"},
	{Name: "time to answer", Unit: TTFA, Better: Lower, Title: "time to answer", of: ttfa,
		Sentence: "time to the first text that is not reasoning", Formula: "answer - start"},
	{Name: "decode speed", Unit: Decode, Better: Higher, Title: "decode", of: decode,
		Sentence: "tokens per second once the first has come", Formula: "(completion_tokens - 1) / (last - first)"},
	{Name: "TPOT", Unit: TPOT, Better: Lower, Title: "TPOT", of: tpot, tails: true,
		Sentence: "time per output token after the first", Formula: "(last - first) / (completion_tokens - 1)"},
	{Name: "prefill speed", Unit: Prefill, Better: Higher, Title: "prefill", of: prefill,
		Sentence: "prompt tokens (the server's count, else the count of what was sent) per second until the first token", Formula: "prompt_tokens / (first - start)"},
	{Name: "prefill speed of uncached tokens", Unit: PrefillUncached, Better: Higher, Title: "prefill, uncached", of: prefillUncached,
		Sentence: "the same without the tokens that the server found in its cache", Formula: "(prompt_tokens - cached) / (first - start)"},
	{Name: "overall speed", Unit: Overall, Better: Higher, Title: "overall", of: overall,
		Sentence: "generated tokens per second of the whole request", Formula: "completion_tokens / (last - start)"},
	{Name: "end to end", Unit: E2E, Better: Lower, Title: "end to end", of: e2e, tails: true,
		Sentence: "time from the start to the last text", Formula: "last - start"},
	{Name: "queue delay", Unit: Queue, Better: Lower, Title: "queue delay", of: queue, tails: true,
		Sentence: "time that the request waited in the client", Formula: "start - intended"},
	{Name: "gap", Unit: Gap, Better: Lower, Title: "gap",
		Sentence: "time between two events with text; a line carries its median, P99 and maximum instead", Formula: "arrive(k) - arrive(k-1)"},
	{Name: "median gap", Unit: GapP50, Better: Lower, Title: "gap P50",
		Sentence: "median of all gaps of the trial", Formula: "P50 of arrive(k) - arrive(k-1)"},
	{Name: "P99 gap", Unit: GapP99, Better: Lower, Title: "gap P99",
		Sentence: "99th percentile of all gaps of the trial, from 100 gaps on", Formula: "P99 of arrive(k) - arrive(k-1)"},
	{Name: "longest gap", Unit: GapMax, Better: Lower, Title: "longest gap",
		Sentence: "the worst stall of the trial", Formula: "max of arrive(k) - arrive(k-1)"},
	{Name: "system throughput", Unit: System, Better: Higher, Title: "system",
		Sentence: "generated tokens per second of all users together, ok requests only", Formula: "sum of completion_tokens / (end - start of the trial)"},
	{Name: "share of ok requests", Unit: OKShare, Better: Higher, Title: "ok",
		Sentence: "requests of class ok; every other figure of latency or speed is of these alone", Formula: "100 * ok requests / requests"},
	{Name: "goodput share", Unit: Goodput, Better: Higher, Title: "goodput",
		Sentence: "requests that keep the limit of every objective (slo); one that failed, or lacks a figure that an objective is about, keeps none", Formula: "100 * requests that meet all objectives / requests"},
	{Name: "goodput", Unit: GoodputRate, Better: Higher, Title: "goodput rate",
		Sentence: "requests per second that keep the limit of every objective (slo)", Formula: "requests that meet all objectives / (end - start of the trial)"},
	{Name: "users that meet the objectives", Unit: MaxOKUsers, Better: Higher, Title: "users ok",
		Sentence: "most users of a closed loop that were shown to meet the objectives: the lower end of a capacity search's bracket", Formula: "largest load that passed, below every one that failed"},
	{Name: "users that miss the objectives", Unit: MinFailUsers, Better: Higher, Title: "users failing",
		Sentence: "fewest users of a closed loop that were shown to miss an objective: the upper end of a capacity search's bracket", Formula: "smallest load that failed"},
	{Name: "prompt tokens", Unit: PromptTokens, Title: "prompt tokens", of: promptTokens, count: true,
		Sentence: "tokens of the prompt as the server counted them, of failed requests too", Formula: "prompt_tokens"},
	{Name: "completion tokens", Unit: CompletionToks, Title: "completion tokens", of: completionTokens, count: true,
		Sentence: "generated tokens, of failed requests too", Formula: "completion_tokens"},
	{Name: "cached tokens", Unit: CachedTokens, Title: "cached tokens", of: cachedTokens, count: true,
		Sentence: "tokens of the prompt that the server found in its cache, of failed requests too", Formula: "cached"},
	{Name: "server's load time", Unit: ServerLoad, Better: Lower, Title: "server load", of: serverLoad,
		Sentence: "time to load the model, as the server reports it", Formula: "as reported"},
	{Name: "server's prefill time", Unit: ServerPrefill, Better: Lower, Title: "server prefill", of: serverPrefill,
		Sentence: "time of prompt evaluation, as the server reports it", Formula: "as reported"},
	{Name: "server's decode time", Unit: ServerDecode, Better: Lower, Title: "server decode", of: serverDecode,
		Sentence: "time of generation, as the server reports it", Formula: "as reported"},
}

// tail is a percentile that a trial gives, if it has enough values for it.
type tail struct {
	p    int // percent
	from int // values it takes; below, the percentile is little but the maximum
}

var tails = []tail{{90, 10}, {95, 20}, {99, 100}}

// catalogue is base with the percentiles behind their metrics.
var catalogue = func() []Metric {
	var all []Metric
	for _, m := range base {
		all = append(all, m)
		if !m.tails {
			continue
		}
		for _, t := range tails {
			p, n := strconv.Itoa(t.p), strconv.Itoa(t.from)
			all = append(all, Metric{
				Name:     "P" + p + " " + m.Name,
				Unit:     tailUnit(m.Unit, t),
				Better:   m.Better,
				Title:    m.Title + " P" + p,
				Sentence: p + "th percentile within a trial, from " + n + " ok requests on",
				Formula:  "P" + p + " of " + m.Formula,
			})
		}
	}
	return all
}()

// tailUnit puts the percentile before the unit proper: ttft-ns, ttft-p90-ns.
func tailUnit(unit string, t tail) string {
	what, last := cutUnit(unit)
	return what + "-p" + strconv.Itoa(t.p) + "-" + last
}

// All returns the catalogue: what matters most first. The slice is the caller's.
func All() []Metric { return slices.Clone(catalogue) }

// ByUnit returns the metric of a unit, and whether the catalogue has it.
func ByUnit(unit string) (Metric, bool) {
	i := slices.IndexFunc(catalogue, func(m Metric) bool { return m.Unit == unit })
	if i < 0 {
		return Metric{}, false
	}
	return catalogue[i], true
}
