package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
)

// Stage is one side of a comparison.
type Stage struct {
	Name  string // for people, e.g. "baseline"
	Cells []Cell // in the order of the sweep; each name once
}

// Cell is what one side has of one cell.
type Cell struct {
	Name      string                 // benchmark name without GOMAXPROCS suffix
	Ctx       int                    // context length in tokens; 0: the cell has none
	Lines     []metric.Line          // one a trial; empty: none ended
	Outcomes  map[record.Outcome]int // requests by class, warm-ups apart; empty: told by the lines' ok-% only
	NotRun    string                 // why it was not run; empty: it was
	Invalid   []string               // reasons of verdict INVALID; empty: it is not
	Estimated bool                   // completion tokens are counted chunks (metric.Estimated)
}

// Ctx returns the context length that a benchmark name tells, and 0 without one.
func Ctx(name string) int {
	v, _ := metric.Key(name, "ctx")
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0
	}
	return n
}

// Cells groups benchmark lines by name, for comparing files of which nothing else
// is known.
func Cells(lines []metric.Line) []Cell {
	var cells []Cell
	at := make(map[string]int)
	for _, l := range lines {
		i, ok := at[l.Name]
		if !ok {
			i = len(cells)
			at[l.Name] = i
			cells = append(cells, Cell{Name: l.Name, Ctx: Ctx(l.Name)})
		}
		cells[i].Lines = append(cells[i].Lines, l)
	}
	return cells
}

// values returns the sample of a unit.
func (c Cell) values(unit string) []float64 {
	var xs []float64
	for _, l := range c.Lines {
		if x, ok := l.Get(unit); ok {
			xs = append(xs, x)
		}
	}
	return xs
}

// allOK tells whether requests were made and every one of them was ok.
func (c Cell) allOK() bool {
	if c.NotRun != "" {
		return false
	}
	if len(c.Outcomes) > 0 {
		return c.requests() > 0 && c.Outcomes[record.OK] == c.requests()
	}
	shares := c.values(metric.OKShare)
	return len(shares) > 0 && len(shares) == len(c.Lines) && slices.Min(shares) == 100
}

func (c Cell) requests() int {
	n := 0
	for _, k := range c.Outcomes {
		n += k
	}
	return n
}

// outcome says in a few words how the cell ended: "ok 6/6", "OOM (GPU) 6/6", "not
// run". Of several classes it gives the ok ones only; failures has the others.
func (c Cell) outcome() string {
	if c.NotRun != "" {
		return "not run"
	}
	n := c.requests()
	if n == 0 {
		return c.outcomeOfLines()
	}
	failed := c.failures()
	if len(failed) == 1 && c.Outcomes[record.OK] == 0 {
		return failed[0]
	}
	if c.Outcomes[record.OK] == 0 {
		return fmt.Sprintf("failed %d/%d", n, n)
	}
	return fmt.Sprintf("%s %d/%d", Label(record.OK), c.Outcomes[record.OK], n)
}

// failures lists the classes other than ok with their counts: "timeout 1/6".
func (c Cell) failures() []string {
	var out []string
	for _, o := range record.Outcomes {
		if k := c.Outcomes[o]; k > 0 && o != record.OK {
			out = append(out, fmt.Sprintf("%s %d/%d", Label(o), k, c.requests()))
		}
	}
	return out
}

func (c Cell) outcomeOfLines() string {
	switch shares := c.values(metric.OKShare); {
	case len(c.Lines) == 0:
		return "not measured"
	case len(shares) == 0:
		return "unknown"
	default:
		return "ok " + metric.Format(metric.OKShare, stats.Mean(shares))
	}
}

// Label is an outcome class for people.
func Label(o record.Outcome) string {
	switch o {
	case record.OOMGPU:
		return "OOM (GPU)"
	case record.OOMHost:
		return "OOM (host)"
	case record.KVExhausted:
		return "KV exhausted"
	}
	return strings.ReplaceAll(string(o), "_", " ")
}
