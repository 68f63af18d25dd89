package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
)

// Config says how strict to be.
type Config struct {
	Level     float64 `json:"level"`             // of intervals; verdicts take p < 1 − Level
	Tolerance float64 `json:"tolerance_percent"` // changes within ± this are as good as none, in percent
}

// DefaultConfig is 95 % and ±3 %.
func DefaultConfig() Config { return Config{Level: 0.95, Tolerance: 3} }

// Stages compares b with a. See the package comment for how.
func Stages(a, b Stage, cfg Config) Result {
	r := Result{A: a.Name, B: b.Name, Config: cfg}
	for _, p := range pairs(a, b) {
		r.Rows = append(r.Rows, row(p, cfg))
	}
	judgeAll(r.Rows, cfg)
	r.MaxStable = maxStable(r.Rows)
	r.Method = method(cfg)
	r.Warnings = warnings(r)
	return r
}

// pair is a cell of both sides; a side that lacks it has a Cell with only a name.
type pair struct{ a, b Cell }

// pairs joins the cells of both sides by name: groups in order of appearance, in
// them by context.
func pairs(a, b Stage) []pair {
	at := make(map[string]int)
	var ps []pair
	groups := make(map[string]int)
	add := func(c Cell) *pair {
		i, ok := at[c.Name]
		if !ok {
			i = len(ps)
			at[c.Name] = i
			ps = append(ps, pair{Cell{Name: c.Name, Ctx: c.Ctx}, Cell{Name: c.Name, Ctx: c.Ctx}})
			if _, seen := groups[Group(c.Name)]; !seen {
				groups[Group(c.Name)] = len(groups)
			}
		}
		return &ps[i]
	}
	for _, c := range a.Cells {
		add(c).a = c
	}
	for _, c := range b.Cells {
		add(c).b = c
	}
	slices.SortStableFunc(ps, func(x, y pair) int {
		return cmp.Or(cmp.Compare(groups[Group(x.a.Name)], groups[Group(y.a.Name)]), cmp.Compare(x.a.Ctx, y.a.Ctx))
	})
	return ps
}

// Group is the name of a cell without its context: the sweep that it belongs to.
func Group(name string) string {
	parts := strings.Split(name, "/")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.HasPrefix(p, "ctx=") }), "/")
}

func row(p pair, cfg Config) Row {
	r := Row{Cell: p.a.Name, Ctx: p.a.Ctx, A: side(p.a), B: side(p.b)}
	for _, unit := range units(p.a, p.b) {
		r.Changes = append(r.Changes, change(unit, p.a.values(unit), p.b.values(unit), cfg))
	}
	return r
}

func side(c Cell) Side {
	return Side{Outcome: c.outcome(), Failures: c.failures(), OK: c.allOK(), NotRun: c.NotRun, Invalid: c.Invalid, Estimated: c.Estimated}
}

// units lists the units of both cells, in the order of the catalogue, foreign ones
// behind in alphabetical order.
func units(a, b Cell) []string {
	has := make(map[string]bool)
	for _, l := range slices.Concat(a.Lines, b.Lines) {
		for _, v := range l.Values {
			has[v.Unit] = true
		}
	}
	var us []string
	for _, m := range metric.All() {
		if has[m.Unit] {
			us = append(us, m.Unit)
			delete(has, m.Unit)
		}
	}
	rest := make([]string, 0, len(has))
	for u := range has {
		rest = append(rest, u)
	}
	slices.Sort(rest)
	return append(us, rest...)
}

// change is everything about a unit that concerns one cell only: no verdict yet.
func change(unit string, a, b []float64, cfg Config) Change {
	c := Change{Unit: unit, A: summary(a, cfg), B: summary(b, cfg)}
	if len(a) == 0 || len(b) == 0 {
		return c
	}
	c.P = record.Some(stats.MannWhitney(a, b))
	ma, mb := stats.Median(a), stats.Median(b)
	switch {
	case ma == mb:
		c.Percent = record.Some(0.0)
	case ma != 0:
		c.Percent = record.Some((mb/ma - 1) * 100)
	}
	c.Lo, c.Hi = interval(a, b, c.Percent, cfg)
	if effect, ok := stats.MinDetectable(a, b, cfg.Level); ok {
		c.MinDetectable = record.Some(effect * 100)
	}
	return c
}

func summary(xs []float64, cfg Config) Summary {
	if len(xs) == 0 {
		return Summary{}
	}
	s := Summary{N: len(xs), Median: record.Some(stats.Median(xs))}
	if ci := stats.MedianCI(xs, cfg.Level); ci.OK {
		s.Lo, s.Hi = record.Some(ci.Lo), record.Some(ci.Hi)
	}
	return s
}

// interval is that of the change in percent, and contains it. Samples that are one
// and the same number need no ratio: nothing changed, zeros included.
func interval(a, b []float64, percent record.Opt[float64], cfg Config) (lo, hi record.Opt[float64]) {
	ci := stats.RatioCI(a, b, cfg.Level)
	if enough := len(a) >= stats.MinSamples(1-cfg.Level) && len(b) >= stats.MinSamples(1-cfg.Level); !ci.OK && enough && constant(a, b) {
		return record.Some(0.0), record.Some(0.0)
	}
	point, ok := percent.Get()
	if !ci.OK || !ok {
		return lo, hi
	}
	return record.Some(min(point, (ci.Lo-1)*100)), record.Some(max(point, (ci.Hi-1)*100))
}

func constant(a, b []float64) bool {
	return stats.Min(a) == stats.Max(a) && stats.Min(b) == stats.Max(b) && a[0] == b[0]
}

// maxStable goes up each group's contexts until one is not ok.
func maxStable(rows []Row) []MaxStable {
	var out []MaxStable
	var failedA, failedB bool
	for _, r := range rows {
		if r.Ctx == 0 {
			continue
		}
		if g := Group(r.Cell); len(out) == 0 || out[len(out)-1].Group != g {
			out = append(out, MaxStable{Group: g})
			failedA, failedB = false, false
		}
		m := &out[len(out)-1]
		m.Longest = r.Ctx
		failedA = failedA || !r.A.stable()
		failedB = failedB || !r.B.stable()
		if !failedA {
			m.A = record.Some(r.Ctx)
		}
		if !failedB {
			m.B = record.Some(r.Ctx)
		}
	}
	return out
}

func (s Side) stable() bool { return s.OK && len(s.Invalid) == 0 }

func method(cfg Config) string {
	return fmt.Sprintf("Change of the median with its %g %% interval (Mann-Whitney inverted: no distribution assumed). "+
		"better, worse: p < %.2g after Holm's correction over the cells of a metric, and the interval excludes 0; "+
		"same: the whole interval within ±%g %%; inconclusive: anything else.",
		cfg.Level*100, 1-cfg.Level, cfg.Tolerance)
}
