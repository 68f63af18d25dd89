package compare

import (
	"fmt"
	"strconv"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// warnings gathers what a reader must know beside the table: cells that were not
// run, INVALID ones, verdicts that need more trials, estimated speeds. Cells with
// one and the same reason share a line.
func warnings(r Result) []string {
	var w gathered
	for _, row := range r.Rows {
		for _, s := range []struct {
			name string
			Side
		}{{r.A, row.A}, {r.B, row.B}} {
			if s.NotRun != "" {
				w.add(s.name+" not run: "+s.NotRun, place(row))
			}
			if len(s.Failures) > 1 || (len(s.Failures) > 0 && strings.HasPrefix(s.Outcome, Label(record.OK))) {
				w.add(s.name+" failed: "+strings.Join(s.Failures, ", "), place(row))
			}
			for _, reason := range s.Invalid {
				w.add(s.name+" INVALID: "+reason, place(row))
			}
			if s.Estimated {
				w.add(s.name+": token counts are counted chunks, speeds (~) are estimates", place(row))
			}
		}
	}
	lines := w.lines()
	for _, unit := range shown {
		lines = append(lines, undecided(r.Rows, unit)...)
	}
	return lines
}

// undecided says what would decide the inconclusive cells of a unit: the trials of all
// of them on one line.
func undecided(rows []Row, unit string) []string {
	m, _ := metric.ByUnit(unit)
	var others gathered
	var trials []string
	for _, row := range rows {
		c, ok := row.Change(unit)
		if !ok || c.Verdict != Inconclusive || len(row.A.Invalid)+len(row.B.Invalid) > 0 {
			continue
		}
		if n, ok := c.Trials.Get(); ok {
			trials = append(trials, fmt.Sprintf("%s %s", place(row), sensible(n)))
		} else {
			others.add(m.Title+" inconclusive: "+c.Note, place(row))
		}
	}
	lines := others.lines()
	if len(trials) > 0 {
		lines = append(lines, m.Title+" inconclusive; trials a side that would do, about: "+strings.Join(trials, ", "))
	}
	return lines
}

// mostTrials is the largest number of trials that anybody is advised to run.
const mostTrials = 1000

func sensible(n int) string {
	if n > mostTrials {
		return fmt.Sprintf("more than %d", mostTrials)
	}
	return strconv.Itoa(n)
}

// place names a row in a warning: its context where it has one.
func place(r Row) string {
	group := strings.TrimPrefix(Group(r.Cell), "Benchmark")
	if r.Ctx == 0 {
		return group
	}
	if _, keys, ok := strings.Cut(group, "/"); ok {
		return "ctx=" + strconv.Itoa(r.Ctx) + "/" + keys
	}
	return "ctx=" + strconv.Itoa(r.Ctx)
}

// gathered is texts with the places that they hold for, in order of appearance.
type gathered struct {
	texts  []string
	places map[string][]string
}

func (g *gathered) add(text, place string) {
	if g.places == nil {
		g.places = make(map[string][]string)
	}
	if _, ok := g.places[text]; !ok {
		g.texts = append(g.texts, text)
	}
	g.places[text] = append(g.places[text], place)
}

func (g *gathered) lines() []string {
	var out []string
	for _, t := range g.texts {
		out = append(out, fmt.Sprintf("%s (%s)", t, strings.Join(g.places[t], ", ")))
	}
	return out
}
