package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"aibench/harness/capacity"
	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/verdict"
)

// The benchmarks whose sweep raises something else than the context, though the
// context is in their names.
const (
	capacityCells    = "BenchmarkCapacity/"
	concurrencyCells = "BenchmarkConcurrency/"
	rateCells        = "BenchmarkRate/"
)

// sweepsContexts tells whether a cell, or a group of them, is of a sweep that raises
// the context, if it has one.
func sweepsContexts(name string) bool {
	return !slices.ContainsFunc([]string{capacityCells, concurrencyCells, rateCells},
		func(other string) bool { return strings.HasPrefix(name, other) })
}

// sweptCtx is the context of a cell of a sweep over contexts; else 0.
func sweptCtx(name string) int {
	if !sweepsContexts(name) {
		return 0
	}
	return compare.Ctx(name)
}

// isStep tells whether a cell holds the trials of one load of a capacity search.
func isStep(name string) bool {
	_, users := metric.Key(name, "users")
	return users && strings.HasPrefix(name, capacityCells)
}

// closedUsers is the users of a closed loop; false where the cell's name has none.
func closedUsers(name string) (int, bool) {
	v, ok := metric.Key(name, "users")
	n, err := strconv.Atoi(v)
	return n, ok && err == nil
}

// mostInFlight is the most requests of any trial that were under way at once: what an
// open loop, or a cell without users, asked of the client.
func mostInFlight(trials []record.TrialData) int {
	most := 1
	for _, t := range trials {
		var starts, ends []int64
		for i := range t.Requests {
			starts = append(starts, t.Requests[i].Start.Or(0))
			ends = append(ends, t.Requests[i].End.Or(0))
		}
		slices.Sort(starts)
		slices.Sort(ends)
		ended := 0
		for i, at := range starts {
			for ended < len(ends) && ends[ended] <= at {
				ended++
			}
			most = max(most, i+1-ended)
		}
	}
	return most
}

// searchCell is the cell of capacity searches, a line a search; false where the name
// is not one's.
func searchCell(log *record.Log, name string) (Cell, bool) {
	c := Cell{Name: name, Validity: verdict.Validity{Status: verdict.Valid, Reasons: []string{}}}
	for _, found := range log.Capacities {
		if found.Cell != name {
			continue
		}
		c.Searches = append(c.Searches, found)
		if values := capacity.UserValues(found); len(values) > 0 {
			c.Lines = append(c.Lines, metric.Line{Name: name, Procs: found.Procs, Iterations: 1, Values: values})
		}
		if !found.Complete {
			c.Validity = verdict.Validity{Status: verdict.Inconclusive, Reasons: found.Warnings}
		}
	}
	return c, len(c.Searches) > 0
}

// writeCapacity prints the brackets of a stage, the steps that led to them, and what a
// reader must know beside them.
func writeCapacity(w io.Writer, s Stage) error {
	var b strings.Builder
	for _, c := range s.Cells {
		for _, found := range c.Searches {
			name := strings.TrimPrefix(c.Name, "Benchmark")
			if len(c.Searches) > 1 {
				name += " search " + strconv.Itoa(found.Search)
			}
			fmt.Fprintf(&b, "\n%s: %s: %s\nobjectives: %s\n", s.Name, name, capacity.Describe(found, "users"), found.SLO)
			tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "  users\tverdict\trequests\tdecided by")
			for _, step := range found.Steps {
				fmt.Fprintf(tw, "  %d\t%s\t%d\t%s\n", step.Load, step.Verdict, step.Requests, cmp.Or(step.Reason, "-"))
			}
			tw.Flush()
			for _, warning := range found.Warnings {
				fmt.Fprintln(&b, "warning:", warning)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
