package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// shown are the units of the console table; the others are in the JSON.
var shown = []string{metric.TTFT, metric.Decode}

// WriteJSON writes the result, indented.
func WriteJSON(w io.Writer, r Result) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// consoleWidth is what a table should fit into.
const consoleWidth = 120

// WriteTable writes the comparison for a console of about 120 columns: a block per
// group of cells with a line per context and the longest stable contexts below,
// then the method and the warnings.
func WriteTable(w io.Writer, r Result) error {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "A = %s, B = %s\n", r.A, r.B)
	for _, rows := range blocks(r.Rows) {
		fmt.Fprintf(&buf, "\n%s\n", Group(rows[0].Cell))
		t := newGrid(rows, r.A, r.B, r.Config)
		if t.width() > consoleWidth {
			t = newGrid(rows, "A", "B", r.Config)
		}
		t.write(&buf)
		for _, m := range r.MaxStable {
			if m.Group == Group(rows[0].Cell) {
				fmt.Fprintf(&buf, "max stable context: %s %s, %s %s\n", r.A, contextText(m.A, m.Longest), r.B, contextText(m.B, m.Longest))
			}
		}
	}
	buf.WriteByte('\n')
	if r.Method != "" {
		fmt.Fprintln(&buf, wrap(r.Method, consoleWidth))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(&buf, wrap("note: "+warning, consoleWidth))
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// blocks cuts rows where the group changes.
func blocks(rows []Row) [][]Row {
	var out [][]Row
	for i, r := range rows {
		if i == 0 || Group(rows[i-1].Cell) != Group(r.Cell) {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], r)
	}
	return out
}

// contextText says also whether there was anything longer to fail at.
func contextText(n record.Opt[int], longest int) string {
	v, ok := n.Get()
	switch {
	case !ok:
		return "none"
	case v == longest:
		return strconv.Itoa(v) + " (the longest tried)"
	}
	return strconv.Itoa(v)
}

// newGrid lays out a block; a and b head the columns of the two sides.
func newGrid(rows []Row, a, b string, cfg Config) grid {
	_, rate := metric.Parts(metric.Decode, 0)
	change := fmt.Sprintf("change [%g %%]", cfg.Level*100)
	t := grid{
		over: []string{"", "TTFT", "", "", "decode " + rate, "", "", "outcome", "", "verdict", ""},
		head: []string{"ctx", a, b, change, a, b, change, a, b, "TTFT", "decode"},
		left: []bool{false, false, false, true, false, false, true, true, true, true, true},
	}
	for _, r := range rows {
		first := "-"
		if r.Ctx > 0 {
			first = strconv.Itoa(r.Ctx)
		}
		ttft, _ := r.Change(metric.TTFT)
		decode, _ := r.Change(metric.Decode)
		t.rows = append(t.rows, []string{
			first,
			figure(metric.TTFT, ttft.A, false), figure(metric.TTFT, ttft.B, false), changeText(ttft, a, b),
			figure(metric.Decode, decode.A, r.A.Estimated), figure(metric.Decode, decode.B, r.B.Estimated), changeText(decode, a, b),
			outcomeText(r.A), outcomeText(r.B),
			verdictText(ttft), verdictText(decode),
		})
	}
	return t
}

func outcomeText(s Side) string {
	if len(s.Invalid) > 0 {
		return "INVALID" // the reasons are among the warnings
	}
	return s.Outcome
}

// figure is a median; speeds have their unit in the head of the table.
func figure(unit string, s Summary, estimated bool) string {
	v, ok := s.Median.Get()
	if !ok {
		return "-"
	}
	text := metric.Format(unit, v)
	if unit == metric.Decode {
		text, _ = metric.Parts(unit, v)
	}
	if estimated {
		return "~" + text
	}
	return text
}

// changeText is "+3.1 % [+1.0, +5.2]", without decimals where one of them has three
// digits before the point, or which side has a figure at all.
func changeText(c Change, a, b string) string {
	point, ok := c.Percent.Get()
	switch {
	case c.A.N > 0 && c.B.N == 0:
		return "only " + a
	case c.B.N > 0 && c.A.N == 0:
		return "only " + b
	case !ok:
		return "-"
	}
	lo, hasInterval := c.Lo.Get()
	hi, _ := c.Hi.Get()
	decimals := 1
	if math.Max(math.Abs(point), math.Max(math.Abs(lo), math.Abs(hi))) >= 99.95 {
		decimals = 0
	}
	if !hasInterval {
		return signed(point, decimals) + " % [none]"
	}
	return signed(point, decimals) + " % [" + signed(lo, decimals) + ", " + signed(hi, decimals) + "]"
}

// signed has a sign except where it rounds to 0.
func signed(x float64, decimals int) string {
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	if x > 0 {
		return "+" + s
	}
	return s
}

func verdictText(c Change) string {
	if c.Verdict == "" {
		return "-"
	}
	return string(c.Verdict)
}
