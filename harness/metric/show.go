package metric

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// cutUnit splits a unit at its last hyphen: ttft-p90 and ns.
func cutUnit(unit string) (what, last string) {
	i := strings.LastIndexByte(unit, '-')
	if i < 0 {
		return "", unit
	}
	return unit[:i], unit[i+1:]
}

// Format writes a value for people: "412 ms", "1.93 s", "2.50 GiB", "45.1 tok/s".
func Format(unit string, v float64) string {
	number, label := Parts(unit, v)
	if label == "" {
		return number
	}
	return number + " " + label
}

// Parts is Format in two: the number and the unit that people read, for tables
// that have the unit in their head. The label is empty for counts of tokens.
func Parts(unit string, v float64) (number, label string) {
	_, last := cutUnit(unit)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-", ""
	}
	switch last {
	case "ns":
		return scale(v, 1e3, "ns", "µs", "ms", "s")
	case "B":
		return scale(v, 1<<10, "B", "KiB", "MiB", "GiB", "TiB")
	case "tok":
		return strconv.FormatFloat(v, 'f', -1, 64), ""
	case "users":
		return strconv.FormatFloat(v, 'f', -1, 64), last
	}
	return three(v), last
}

// scale returns v in the largest unit in which it is at least 1.
func scale(v, step float64, units ...string) (number, unit string) {
	i := 0
	// 999.5 would be shown as 1000.
	for ; i < len(units)-1 && math.Abs(v) >= step-0.5; i++ {
		v /= step
	}
	if i == 0 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64), units[0]
	}
	return three(v), units[i]
}

// three shows three significant digits, and whole numbers from 100 on.
func three(v float64) string {
	switch a := math.Abs(v); {
	case v == 0 || a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// Table returns the catalogue as a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| name | unit | better | formula | what it tells |\n|---|---|---|---|---|\n")
	for _, m := range catalogue {
		better := m.Better
		if better == "" {
			better = "-"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", m.Name, m.Unit, better, m.Formula, m.Sentence)
	}
	return b.String()
}
