package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
	"aibench/harness/verdict"
)

// maxPanels is how many sweeps a page has room for. The table and the results file
// have them all.
const maxPanels = 6

// ttftChart is what the chart of TTFT against context shows: facts, and no places on
// paper.
type ttftChart struct {
	Head     chartHead
	Contexts []int       // all contexts of all panels, ascending, tokens
	Panels   []ttftPanel // one a sweep (cells that differ in the context only)
}

type ttftPanel struct {
	Label  string       // what tells it from the others: "users=4"
	Series []ttftSeries // one a stage, also of a stage that has nothing here
}

type ttftSeries struct {
	Stage  string
	Points []ttftPoint // cells with figures, by context
	Marks  []ttftMark  // cells of which a figure alone would not tell the truth, by context
	NotRun []int       // contexts
}

// ttftPoint is a cell with figures. Times are in seconds.
type ttftPoint struct {
	Ctx     int
	Median  float64
	Lo, Hi  record.Opt[float64] // 95 % interval of the median; absent with too few trials
	Trials  []float64           // in order
	Trusted bool                // the cell is VALID
}

// ttftMark says what went wrong in a cell.
type ttftMark struct {
	Ctx    int
	Text   string // "OOM", "OOM 2/6, timeout 1/6", "INVALID, prompt truncated"
	Failed bool   // some requests were not ok; else only the figures are not to be believed
	All    bool   // no request was ok
}

// newTTFTChart gathers the facts; false where no cell has a context length.
func newTTFTChart(run record.Run, stages []Stage) (ttftChart, bool) {
	var groups []string
	c := ttftChart{}
	trials := count{}
	for _, s := range stages {
		for _, cell := range s.Cells {
			if cell.Ctx <= 0 {
				continue
			}
			if g := compare.Group(cell.Name); !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
			c.Contexts = append(c.Contexts, cell.Ctx)
			if cell.NotRun == "" {
				trials.add(len(cell.Trials))
			}
		}
	}
	if len(groups) == 0 {
		return c, false
	}
	slices.Sort(c.Contexts)
	c.Contexts = slices.Compact(c.Contexts)
	shown := groups[:min(len(groups), maxPanels)]
	for i, label := range groupLabels(shown) {
		p := ttftPanel{Label: label}
		for _, s := range stages {
			p.Series = append(p.Series, newTTFTSeries(s, shown[i]))
		}
		c.Panels = append(c.Panels, p)
	}
	c.Head = newHead("Time to first token", run, stages)
	c.Head.Notes = append(c.Head.Notes, trials.String())
	if len(groups) == 1 && strings.Contains(groups[0], "/") {
		c.Head.Notes = append(c.Head.Notes, c.Panels[0].Label)
	}
	if n := len(groups) - len(shown); n > 0 {
		c.Head.Notes = append(c.Head.Notes, fmt.Sprintf("%d more sweeps not shown", n))
	}
	return c, true
}

// groupLabels are the groups' names without what they have in common.
func groupLabels(groups []string) []string {
	labels, nouns := make([]string, len(groups)), map[string]bool{}
	for i, g := range groups {
		noun, rest, _ := strings.Cut(strings.TrimPrefix(g, "Benchmark"), "/")
		nouns[noun] = true
		labels[i] = cmp.Or(rest, noun)
	}
	if len(nouns) > 1 {
		for i, g := range groups {
			labels[i] = strings.TrimPrefix(g, "Benchmark")
		}
	}
	return labels
}

func newTTFTSeries(s Stage, group string) ttftSeries {
	out := ttftSeries{Stage: s.Name}
	for _, c := range s.Cells {
		if c.Ctx <= 0 || compare.Group(c.Name) != group {
			continue
		}
		if c.NotRun != "" {
			out.NotRun = append(out.NotRun, c.Ctx)
			continue
		}
		if p, ok := newTTFTPoint(c); ok {
			out.Points = append(out.Points, p)
		}
		if m := newTTFTMark(c); m.Text != "" {
			out.Marks = append(out.Marks, m)
		}
	}
	slices.SortFunc(out.Points, func(a, b ttftPoint) int { return cmp.Compare(a.Ctx, b.Ctx) })
	slices.SortFunc(out.Marks, func(a, b ttftMark) int { return cmp.Compare(a.Ctx, b.Ctx) })
	slices.Sort(out.NotRun)
	return out
}

func newTTFTPoint(c Cell) (ttftPoint, bool) {
	const second = 1e9
	p := ttftPoint{Ctx: c.Ctx, Trusted: c.Validity.Status == verdict.Valid}
	for _, l := range c.Lines {
		// What is not above 0 has no place on a log axis, and is no TTFT.
		if v, ok := l.Get(metric.TTFT); ok && v > 0 {
			p.Trials = append(p.Trials, v/second)
		}
	}
	if len(p.Trials) == 0 {
		return p, false
	}
	p.Median = stats.Median(p.Trials)
	if ci := stats.MedianCI(p.Trials, 0.95); ci.OK {
		p.Lo, p.Hi = record.Some(ci.Lo), record.Some(ci.Hi)
	}
	return p, true
}

// newTTFTMark says nothing (an empty Text) of a cell that was ok and VALID.
func newTTFTMark(c Cell) ttftMark {
	failures, failed, all := failureTexts(c.Outcomes)
	m := ttftMark{Ctx: c.Ctx, Failed: failed > 0, All: failed > 0 && failed == all}
	if c.Validity.Status != verdict.Valid {
		// First, since where there is little room only the first is written.
		failures = append([]string{string(c.Validity.Status)}, failures...)
	}
	m.Text = strings.Join(failures, ", ")
	return m
}

// failureTexts names the classes other than ok, out of memory first and as one; with
// counts of requests, except where all ended in the same way.
func failureTexts(outcomes map[record.Outcome]int) (texts []string, failed, all int) {
	counts := map[string]int{}
	var order []string
	for _, o := range record.Outcomes {
		n := outcomes[o]
		all += n
		if o == record.OK || n == 0 {
			continue
		}
		name := compare.Label(o)
		if o.OutOfMemory() {
			name = "OOM"
		}
		if counts[name] == 0 {
			order = append(order, name)
		}
		counts[name] += n
		failed += n
	}
	for _, name := range order {
		text := name
		if counts[name] < all {
			text = fmt.Sprintf("%s %d/%d", name, counts[name], all)
		}
		texts = append(texts, text)
	}
	return texts, failed, all
}

// count is the range of the trials per cell.
type count struct{ lo, hi int }

func (c *count) add(n int) {
	if c.hi == 0 || n < c.lo {
		c.lo = n
	}
	c.hi = max(c.hi, n)
}

// String says also why there are no intervals, where there are too few trials.
func (c count) String() string {
	text := fmt.Sprintf("%d to %d trials per cell", c.lo, c.hi)
	switch {
	case c.hi == 0:
		return "no trials"
	case c.lo == c.hi && c.hi == 1:
		text = "1 trial per cell"
	case c.lo == c.hi:
		text = fmt.Sprintf("%d trials per cell", c.hi)
	}
	if need := stats.MedianCI(make([]float64, c.lo), 0.95).Need; need > 0 {
		text += fmt.Sprintf(" (an interval needs %d)", need)
	}
	return text
}
