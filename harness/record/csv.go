package record

import (
	"encoding/csv"
	"io"
	"strconv"
)

// Values of the column "counted" of [WriteRequestsCSV].
const (
	Counted    = "yes"        // a request of a finished trial
	Warmup     = "warmup"     // trial 0
	Unfinished = "unfinished" // of a trial that never ended
)

// column is a column of the table of requests.
type column struct {
	name string
	cell func(row) string
}

// row is what a cell is made from.
type row struct {
	*Request
	number  int // of the request in the journal, from 1
	stage   string
	counted string
	gaps    []int64
}

// requestColumns are the columns of the table of requests, in order. New ones go to
// the end.
var requestColumns = []column{
	{"request", func(r row) string { return strconv.Itoa(r.number) }},
	{"stage", func(r row) string { return text(r.stage) }},
	{"session", func(r row) string { return strconv.Itoa(r.Session) }},
	{"cell", func(r row) string { return text(r.Cell) }},
	{"trial", func(r row) string { return strconv.Itoa(r.Trial) }},
	{"counted", func(r row) string { return r.counted }},
	{"index", func(r row) string { return strconv.Itoa(r.Index) }},
	{"user", func(r row) string { return strconv.Itoa(r.User) }},

	{"intended_ns", func(r row) string { return integer(r.Intended) }},
	{"start_ns", func(r row) string { return integer(r.Start) }},
	{"wrote_ns", func(r row) string { return integer(r.Wrote) }},
	{"headers_ns", func(r row) string { return integer(r.Headers) }},
	{"first_ns", func(r row) string { return integer(r.First) }},
	{"answer_ns", func(r row) string { return integer(r.Answer) }},
	{"last_ns", func(r row) string { return integer(r.Last) }},
	{"done_ns", func(r row) string { return integer(r.Done) }},
	{"end_ns", func(r row) string { return integer(r.End) }},

	{"queue_ns", func(r row) string { return integer(r.Queue()) }},
	{"connect_ns", func(r row) string { return integer(r.Connect) }},
	{"conn_reused", func(r row) string { return strconv.FormatBool(r.ConnReused) }},
	{"ttft_ns", func(r row) string { return integer(r.TTFT()) }},
	{"ttft_sched_ns", func(r row) string { return integer(r.TTFTSched()) }},
	{"ttfa_ns", func(r row) string { return integer(r.TTFA()) }},
	{"tpot_ns", func(r row) string { return decimal(r.TPOT()) }},
	{"e2e_ns", func(r row) string { return integer(r.E2E()) }},
	{"gaps", func(r row) string { return strconv.Itoa(len(r.gaps)) }},
	{"gap_max_ns", func(r row) string { return integer(largest(r.gaps)) }},
	{"server_load_ns", func(r row) string { return integer(r.ServerLoad) }},
	{"server_prefill_ns", func(r row) string { return integer(r.ServerPrefill) }},
	{"server_decode_ns", func(r row) string { return integer(r.ServerDecode) }},

	{"prompt_wanted", func(r row) string { return positive(r.PromptWanted) }},
	{"prompt_sent", func(r row) string { return positive(r.PromptSent) }},
	{"prompt_source", func(r row) string { return text(r.PromptSource) }},
	{"prompt_tokens", func(r row) string { return integer(r.PromptTokens) }},
	{"cached_tokens", func(r row) string { return integer(r.CachedTokens) }},
	{"output_wanted", func(r row) string { return positive(r.OutputWanted) }},
	{"completion_tokens", func(r row) string { return integer(r.CompletionTokens) }},
	{"token_source", func(r row) string { return text(r.TokenSource) }},
	{"stamp", func(r row) string { return text(r.Stamp) }},

	{"status", func(r row) string { return positive(r.Status) }},
	{"finish_reason", func(r row) string { return text(r.FinishReason) }},
	{"terminated", func(r row) string { return strconv.FormatBool(r.Terminated) }},
	{"failure", func(r row) string {
		if r.Failure == nil {
			return ""
		}
		return text(string(r.Failure.Kind))
	}},
	{"prompt", func(r row) string { return text(r.Prompt) }},
	{"outcome", func(r row) string { return text(string(r.Outcome)) }},
	{"evidence", func(r row) string { return text(r.Evidence) }},
}

// WriteRequestsCSV writes a table with one row a request, in the journal's order, with
// warm-ups and requests of unfinished trials; column "counted" tells which is which
// ([Counted], [Warmup], [Unfinished]).
//
// Instants (intended_ns to end_ns) are ns since the epoch of the row's session,
// durations are ns. What is absent is an empty cell, never 0. Column "request" is the
// request's number in the journal, from 1.
//
// The table is made for spreadsheets, which run a cell that begins with = + - @, a tab
// or a line end as a formula. Text comes from servers, so such a text cell gets
// a leading apostrophe. The journal has the text as it was.
func WriteRequestsCSV(w io.Writer, stage string, l *Log) error {
	out := csv.NewWriter(w)
	cells := make([]string, len(requestColumns))
	for i, c := range requestColumns {
		cells[i] = c.name
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	ended := l.ended()
	for i := range l.Requests {
		r := &l.Requests[i]
		line := row{Request: r, number: i + 1, stage: stage, counted: Unfinished, gaps: r.Gaps()}
		switch {
		case r.Trial == 0:
			line.counted = Warmup
		case ended[endedTrial{r.Cell, r.Session, r.Trial}]:
			line.counted = Counted
		}
		for i, c := range requestColumns {
			cells[i] = c.cell(line)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func integer[T int | int64](o Opt[T]) string {
	v, ok := o.Get()
	if !ok {
		return ""
	}
	return strconv.FormatInt(int64(v), 10)
}

func decimal(o Opt[float64]) string {
	v, ok := o.Get()
	if !ok {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// positive is for counts whose zero means that there is none.
func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// text keeps a spreadsheet from running a text cell.
func text(s string) string {
	if s == "" {
		return ""
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + s
	}
	return s
}

func largest(v []int64) Opt[int64] {
	if len(v) == 0 {
		return Opt[int64]{}
	}
	m := v[0]
	for _, x := range v[1:] {
		m = max(m, x)
	}
	return Some(m)
}
