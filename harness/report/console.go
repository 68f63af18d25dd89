package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
	"aibench/harness/verdict"
)

// WriteConsole prints a run for people: what answered, the summary of each stage, and
// the table per context, of both stages side by side where there are two.
func WriteConsole(w io.Writer, dir *record.Dir) error {
	stages, err := loadAll(dir)
	if err != nil {
		return err
	}
	if len(stages) == 0 {
		return fmt.Errorf("run %s: nothing has been measured", dir.Run().ID)
	}
	for _, s := range stages {
		if err := WriteSummary(w, s.Name, s.Requests()); err != nil {
			return err
		}
	}
	if err := writeHead(w, dir.Run(), stages); err != nil {
		return err
	}
	switch {
	case !slices.ContainsFunc(stages, Stage.hasTable):
	case len(stages) == 2:
		err = compare.WriteTable(w, Compare(stages[0], stages[1]))
	default:
		err = writeStageTable(w, stages[0])
	}
	for _, s := range stages {
		err = errors.Join(err, writeCapacity(w, s))
	}
	return err
}

// hasTable is false of a stage that has nothing but capacity searches.
func (s Stage) hasTable() bool {
	return len(s.Cells) == 0 || slices.ContainsFunc(s.Cells, func(c Cell) bool { return len(c.Searches) == 0 })
}

// writeHead says what was measured; what a reader must not overlook comes first.
func writeHead(w io.Writer, run record.Run, stages []Stage) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nrun:    %s\n", run.ID)
	if run.Partial != "" {
		fmt.Fprintf(&b, "PARTIAL: %s\n", run.Partial)
	}
	seen := map[string]bool{}
	for _, s := range stages {
		for _, f := range Facts(s.Session()) {
			if line := fmt.Sprintf("%-7s %s", f.Key+":", f.Value); f.Value != "" && !seen[line] {
				seen[line] = true
				fmt.Fprintln(&b, line)
			}
		}
		for _, n := range s.Log.Notes {
			fmt.Fprintf(&b, "note:   %s: %s\n", s.Name, n.Text)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// stageColumns are the figures of the table of one stage: the client's own beside the
// server's where it tells them.
var stageColumns = []string{metric.TTFT, metric.ServerPrefill, metric.Prefill, metric.Decode, metric.ServerDecode}

// columns are those of the stage's table: also what a sweep over users or rates, and
// one with objectives, is made for.
func (s Stage) columns() []string {
	units := slices.Clone(stageColumns)
	if slices.ContainsFunc(s.Cells, func(c Cell) bool { return !sweepsContexts(c.Name) }) {
		units = append(units, metric.System)
	}
	if len(s.SLO) > 0 {
		units = append(units, metric.Goodput)
	}
	return units
}

// writeStageTable prints one stage alone.
func writeStageTable(w io.Writer, s Stage) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "cell\ttrials\tTTFT\t95 % interval\t")
	columns := s.columns()
	for _, u := range columns[1:] {
		m, _ := metric.ByUnit(u)
		fmt.Fprintf(tw, "%s\t", m.Title)
	}
	fmt.Fprintln(tw, "  outcome")
	var remarks []string
	for _, c := range s.Cells {
		if len(c.Searches) > 0 {
			continue
		}
		name := strings.TrimPrefix(c.Name, "Benchmark")
		fmt.Fprintf(tw, "%s\t%d\t", name, len(c.Trials))
		for i, u := range columns {
			median, interval := medianOf(c.Lines, u)
			if u == metric.Decode && median != "-" && c.estimated() {
				median = "~" + median // tokens are counted chunks
			}
			fmt.Fprintf(tw, "%s\t", median)
			if i == 0 {
				fmt.Fprintf(tw, "%s\t", interval)
			}
		}
		fmt.Fprintf(tw, "  %s\n", stageOutcome(c))
		switch {
		case c.NotRun != "":
			remarks = append(remarks, name+" not run: "+c.NotRun)
		case c.Validity.Status != verdict.Valid:
			remarks = append(remarks, name+" "+string(c.Validity.Status)+": "+strings.Join(c.Validity.Reasons, "; "))
		}
	}
	tw.Flush()
	for _, m := range Compare(s, Stage{Log: &record.Log{}}).MaxStable {
		remarks = append(remarks, fmt.Sprintf("max stable context: %s (%s)", contextOrNone(m.A), strings.TrimPrefix(m.Group, "Benchmark")))
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", &b, strings.Join(remarks, "\n"))
	return err
}

func stageOutcome(c Cell) string {
	if c.NotRun != "" {
		return "not run"
	}
	var all []record.Request
	for _, t := range c.Trials {
		all = append(all, t.Requests...)
	}
	if c.Validity.Status != verdict.Valid {
		return outcomeCounts(all) + ", " + string(c.Validity.Status)
	}
	return outcomeCounts(all)
}

func contextOrNone(ctx record.Opt[int]) string {
	if n, ok := ctx.Get(); ok {
		return strconv.Itoa(n)
	}
	return "none"
}

// medianOf is the median over the trials, and its interval where there are trials
// enough.
func medianOf(lines []metric.Line, unit string) (median, interval string) {
	var xs []float64
	for _, l := range lines {
		if v, ok := l.Get(unit); ok {
			xs = append(xs, v)
		}
	}
	if len(xs) == 0 {
		return "-", ""
	}
	if ci := stats.MedianCI(xs, 0.95); ci.OK {
		interval = fmt.Sprintf("[%s, %s]", metric.Format(unit, ci.Lo), metric.Format(unit, ci.Hi))
	}
	return metric.Format(unit, stats.Median(xs)), interval
}
