package report

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// explainWidth is the width of the explanation, in columns.
const explainWidth = 120

// dialectRow is a row of the table of one cell.
type dialectRow struct{ name, formula, value, difference, users string }

// writeDialects prints the table of a cell. All its columns but the last have the width
// of their longest cell; the names of the tools wrap in what is left.
func writeDialects(b *bytes.Buffer, ts []record.TrialData) {
	head := dialectRow{"definition", "formula", "value", "vs ours", "used by, as"}
	blocks := make([][]dialectRow, len(metric.Families()))
	width := [4]int{}
	widen := func(r dialectRow) {
		for i, cell := range []string{r.name, r.formula, r.value, r.difference} {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	widen(head)
	for i, f := range metric.Families() {
		blocks[i] = dialectRows(f, ts)
		for _, r := range blocks[i] {
			widen(r)
		}
	}
	writeDialectRow(b, width, head)
	for i, f := range metric.Families() {
		fmt.Fprintln(b, f.Title)
		for _, r := range blocks[i] {
			writeDialectRow(b, width, r)
		}
	}
}

func writeDialectRow(b *bytes.Buffer, width [4]int, r dialectRow) {
	pad := func(text string, to int) string { return strings.Repeat(" ", to-utf8.RuneCountInString(text)) }
	line := "  " + r.name + pad(r.name, width[0]) + "  " + r.formula + pad(r.formula, width[1]) +
		"  " + pad(r.value, width[2]) + r.value + "  " + pad(r.difference, width[3]) + r.difference + "  "
	indent := utf8.RuneCountInString(line)
	users := wrapped(r.users, max(explainWidth-indent, 24), "")
	users = strings.ReplaceAll(users, "\n", "\n"+strings.Repeat(" ", indent))
	fmt.Fprintln(b, strings.TrimRight(line+users, " "))
}

func dialectRows(f metric.Family, ts []record.TrialData) []dialectRow {
	var rows []dialectRow
	var ours record.Opt[float64]
	for _, d := range metric.Dialects() {
		if d.Family != f {
			continue
		}
		v := d.OfCell(ts)
		r := dialectRow{name: d.Name, formula: d.Formula, value: "-", difference: difference(v, ours), users: users(d)}
		if x, ok := v.Get(); ok {
			r.value = metric.Format(f.Unit, x)
		}
		if d.Ours { // the first of its family
			ours, r.difference = v, "ours"
		}
		rows = append(rows, r)
	}
	return rows
}

// difference is how far v is from ours, in percent of ours; "-" where one of them is
// undefined.
func difference(v, ours record.Opt[float64]) string {
	x, ok := v.Get()
	base, has := ours.Get()
	if !ok || !has || base == 0 {
		return "-"
	}
	return percent(x/base - 1)
}

// percent has a sign except where it rounds to 0.
func percent(share float64) string {
	s := fmt.Sprintf("%+.1f", 100*share)
	if share >= 9.9995 || share <= -9.9995 {
		s = fmt.Sprintf("%+.0f", 100*share)
	}
	if strings.Trim(s, "+-0.") == "" {
		s = "0.0"
	}
	return s + " %"
}

func users(d metric.Dialect) string {
	var parts []string
	for _, u := range d.Uses {
		parts = append(parts, fmt.Sprintf("%s %s", u.Tool, u.As))
	}
	return strings.Join(parts, ", ")
}

// wrapped breaks text at spaces so that no line is longer than width, if its words allow
// that; all lines but the first begin with indent.
func wrapped(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range phrases(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// phrases are the words of a text, each number with the word after it: its unit.
func phrases(text string) []string {
	var all []string
	number := false
	for _, word := range strings.Fields(text) {
		if number {
			all[len(all)-1] += " " + word
		} else {
			all = append(all, word)
		}
		_, err := strconv.ParseFloat(word, 64)
		number = err == nil
	}
	return all
}
