package metric

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/perf/benchunit"
)

// tiny is the smallest number that package testing prints as other than 0.
//
// It stands for 0 in units that benchfmt scales (ns): benchfmt tells whether it
// scaled a value by whether the value changed, so "0 queue-ns" stays queue-ns while
// "7 queue-ns" becomes queue-sec, and benchstat would then give the median of the
// trials that happened not to be 0. ReadFile gives 0 back.
const tiny = 1e-7

// filed is the value to put in a file for v.
func filed(v Value) float64 {
	if v.Value == 0 && scaled(v.Unit) {
		return tiny
	}
	return v.Value
}

// unfiled is the reverse of filed.
func unfiled(v Value) float64 {
	if v.Value == tiny && scaled(v.Unit) {
		return 0
	}
	return v.Value
}

// scaled tells whether benchfmt changes the values of a unit as it reads them.
func scaled(unit string) bool {
	x, _ := benchunit.Tidy(1, unit)
	return x != 1
}

// number writes x as package testing does if that is exact, else as short as is.
func number(x float64) string {
	s := pretty(x)
	if y, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && y == x {
		return s
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// printed rounds x to what package testing prints of it.
func printed(x float64) float64 {
	y, err := strconv.ParseFloat(strings.TrimSpace(pretty(x)), 64)
	if err != nil {
		return x
	}
	return y
}

// pretty is the format of package testing: the decimal points of the values below
// each other, four significant digits below 1000, whole numbers from there on.
func pretty(x float64) string {
	decimals := 7
	y := math.Abs(x)
	for i, least := range []float64{999.95, 99.995, 9.9995, 0.99995, 0.099995, 0.0099995, 0.00099995} {
		if y >= least {
			decimals = i
			break
		}
	}
	if y == 0 {
		decimals = 0
	}
	width := 10
	if decimals > 0 {
		width = 11 + decimals
	}
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	return strings.Repeat(" ", max(0, width-len(s))) + s
}
