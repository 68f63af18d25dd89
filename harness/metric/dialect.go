package metric

import (
	"slices"

	"aibench/harness/record"
	"aibench/harness/stats"
)

// A Family is a figure that many tools report under one name and compute in several
// ways.
type Family struct {
	Title string // for people
	Unit  string // of our own figure in the catalogue; the values of all its dialects are in it
}

// The families, in the order in which people ask for them.
var (
	FirstToken     = Family{"time to first token", TTFT}
	PerOutputToken = Family{"time per output token", TPOT}
	DecodeSpeed    = Family{"decode speed", Decode}
	OverallSpeed   = Family{"overall speed", Overall}
	EndToEnd       = Family{"end to end", E2E}
	PrefillSpeed   = Family{"prefill speed", Prefill}
	TokensOut      = Family{"completion tokens", CompletionToks}
)

// Families returns all of them.
func Families() []Family {
	return []Family{FirstToken, PerOutputToken, DecodeSpeed, OverallSpeed, EndToEnd, PrefillSpeed, TokensOut}
}

// A Dialect is one way to compute a figure of a family. Each family has exactly one that
// is ours, and that one is the metric of the catalogue by definition.
//
// A dialect is a formula over our stamps, not an imitation of another tool's stopwatch:
// what a tool loses in its own event loop, or by counting tokens with a tokenizer of its
// own, can't be told from here. Its values are for people and never go onto a benchmark
// line: two tools' figures of one name in one file is what it is to prevent.
type Dialect struct {
	Family  Family
	Name    string // unique within the family
	Formula string // in the symbols that Symbols explains
	Ours    bool   // the family's definition here
	Uses    []Use  // tools whose source or documentation was read; nil: none known

	of figure
}

// A Use is a tool's figure that a dialect computes.
type Use struct {
	Tool   string // one of Tools
	As     string // what the tool calls it
	Source string // where that was read: repository, path and commit
}

// figure is a figure of one request; false where it is undefined.
type figure func(record.Request) (float64, bool)

// Dialects returns the catalogue, family by family, ours first in each. The slice is the
// caller's.
func Dialects() []Dialect { return slices.Clone(dialects) }

// Of is the figure of one request in Family.Unit, absent where it is undefined.
func (d Dialect) Of(r record.Request) record.Opt[float64] { return d.of.get(r) }

// OfTrial is the median over the ok requests of a trial, as on a benchmark line.
func (d Dialect) OfTrial(rs []record.Request) record.Opt[float64] { return d.of.trial(rs) }

// OfCell is the median over the trials of what OfTrial gives; trials without a figure
// are left out.
func (d Dialect) OfCell(ts []record.TrialData) record.Opt[float64] { return d.of.cell(ts) }

func (f figure) get(r record.Request) record.Opt[float64] {
	if v, ok := f(r); ok {
		return record.Some(v)
	}
	return record.Opt[float64]{}
}

func (f figure) trial(rs []record.Request) record.Opt[float64] {
	var xs []float64
	for _, r := range rs {
		if v, ok := f(r); ok && r.Outcome == record.OK {
			xs = append(xs, v)
		}
	}
	return median(xs)
}

func (f figure) cell(ts []record.TrialData) record.Opt[float64] {
	var xs []float64
	for _, t := range ts {
		if v, ok := f.trial(t.Requests).Get(); ok {
			xs = append(xs, v)
		}
	}
	return median(xs)
}

// median of nothing is absent.
func median(xs []float64) record.Opt[float64] {
	if len(xs) == 0 {
		return record.Opt[float64]{}
	}
	return record.Some(stats.Median(xs))
}
