package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
)

// WriteSummary prints what a stage's requests came to: how many, how they ended, TTFT
// and speed of the ok ones, tokens in and out. Over a whole sweep the means mix short
// and long contexts; the table per context is what to quote.
func WriteSummary(w io.Writer, stage string, rs []record.Request) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %d requests: %s\n", stage, len(rs), outcomeCounts(rs))
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  all contexts\tmean\tmedian\tmin\tmax")
	for _, row := range []struct{ title, unit string }{
		{"TTFT", metric.TTFT}, {"decode", metric.Decode}, {"end to end", metric.E2E},
	} {
		if xs := okFigures(rs, row.unit); len(xs) > 0 {
			mark := ""
			if row.unit == metric.Decode && slices.ContainsFunc(rs, metric.Estimated) {
				mark = "~" // tokens are counted chunks
			}
			show := func(v float64) string { return mark + metric.Format(row.unit, v) }
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", row.title,
				show(stats.Mean(xs)), show(stats.Median(xs)), show(stats.Min(xs)), show(stats.Max(xs)))
		}
	}
	tw.Flush()
	in, inKnown := tokens(rs, func(r record.Request) record.Opt[int] { return r.PromptTokens })
	out, outKnown := tokens(rs, func(r record.Request) record.Opt[int] { return r.CompletionTokens })
	fmt.Fprintf(&b, "  tokens in %d (of %d requests that report them), out %d (of %d)\n", in, inKnown, out, outKnown)
	_, err := io.WriteString(w, b.String())
	return err
}

func outcomeCounts(rs []record.Request) string {
	n := map[record.Outcome]int{}
	for _, r := range rs {
		n[r.Outcome]++
	}
	var parts []string
	for _, o := range record.Outcomes {
		if n[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[o], compare.Label(o)))
		}
	}
	if len(parts) == 0 {
		return "none counted"
	}
	return strings.Join(parts, ", ")
}

func okFigures(rs []record.Request, unit string) []float64 {
	var xs []float64
	for _, r := range rs {
		if r.Outcome != record.OK {
			continue
		}
		if v, ok := metric.OfRequest(r).Get(unit); ok {
			xs = append(xs, v)
		}
	}
	return xs
}

func tokens(rs []record.Request, of func(record.Request) record.Opt[int]) (sum, known int) {
	for _, r := range rs {
		if n, ok := of(r).Get(); ok {
			sum += n
			known++
		}
	}
	return sum, known
}
