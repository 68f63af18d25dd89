package capacity

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// SyntaxError says where and why objectives could not be read.
type SyntaxError struct {
	Input  string // as given
	Column int    // of the fault in Input, in characters from 1
	Cause  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("objectives %q: column %d: %s", e.Input, e.Column, e.Cause)
}

// Parse reads objectives, separated by commas and without blanks:
//
//	ttft=2s            the name of a figure and its limit
//	ttft-p90=10s       the same for 90 of 100 requests
//	tpot-p99.9=50ms    durations in ns, us, ms or s
//	decode=20tok/s     speeds in tok/s
//	ok=99%             the share of requests of class ok
//
// The names are those of the metrics without their unit; the limit is an upper one
// for durations and a lower one for speeds and for ok. An error is a [*SyntaxError].
func Parse(s string) (Objectives, error) {
	p := parser{input: s}
	var os Objectives
	at := 0
	for item := range strings.SplitSeq(s, ",") {
		o, err := p.objective(item, at)
		if err != nil {
			return nil, err
		}
		for _, other := range os {
			if other.Unit == o.Unit && other.Share() == o.Share() {
				return nil, p.fail(at, "a second limit for what %s limits already", other)
			}
			if other.Unit == o.Unit && o.Unit == metric.OKShare {
				return nil, p.fail(at, "a second share of ok requests")
			}
		}
		os = append(os, o)
		at += len(item) + 1
	}
	return os, nil
}

// ParseOptional is Parse where there may be no objectives: "" is none.
func ParseOptional(s string) (Objectives, error) {
	if s == "" {
		return nil, nil
	}
	return Parse(s)
}

// parser turns byte offsets of its input into errors with columns.
type parser struct{ input string }

func (p parser) fail(at int, format string, args ...any) error {
	return &SyntaxError{p.input, utf8.RuneCountInString(p.input[:at]) + 1, fmt.Sprintf(format, args...)}
}

// objective reads one item, which starts at offset at.
func (p parser) objective(item string, at int) (Objective, error) {
	left, right, ok := strings.Cut(item, "=")
	if item == "" {
		return Objective{}, p.fail(at, "want an objective such as ttft=2s")
	}
	if !ok {
		return Objective{}, p.fail(at+len(item), "want = and a limit after %q", item)
	}
	name, percentile, hasPercentile := cutPercentile(left)
	o := Objective{Unit: unitOf(name)}
	if o.Unit == "" {
		return o, p.fail(at, "unknown figure %q%s", name, hint(name))
	}
	if hasPercentile {
		v, err := strictNumber(percentile)
		switch {
		case o.Unit == metric.OKShare:
			return o, p.fail(at+len(name), "ok is a share by itself and has no percentile")
		case err != nil || !(v > 0 && v < 100):
			return o, p.fail(at+len(name)+len("-p"), "want a percentile between 0 and 100, got %q", percentile)
		}
		o.Percentile = record.Some(v)
	}
	limit, err := p.limit(o.Unit, right, at+len(left)+1)
	o.Limit = limit
	return o, err
}

// limit reads a number with its unit.
func (p parser) limit(unit, s string, at int) (float64, error) {
	_, last := splitUnit(unit)
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(s)
	}
	want := map[string]string{"ns": "a duration such as 2s or 50ms", "tok/s": "a speed such as 20tok/s", "%": "a share such as 99%"}[last]
	v, err := strictNumber(s[:end])
	if err != nil {
		return 0, p.fail(at, "want %s, got %q", want, s)
	}
	factor := 0.0
	switch {
	case last == "ns":
		for _, u := range durations {
			if s[end:] == u.name {
				factor = u.ns
			}
		}
	case s[end:] == last:
		factor = 1
	}
	if factor == 0 {
		return 0, p.fail(at+end, "want %s, got %q", want, s)
	}
	v *= factor
	if !(v > 0) || v*0 != 0 {
		return 0, p.fail(at, "want a limit above 0, and not without end, got %q", s)
	}
	if last == "%" && v > 100 {
		return 0, p.fail(at, "want a share of at most 100%%, got %q", s)
	}
	return v, nil
}

// strictNumber reads digits with at most one point between them.
func strictNumber(s string) (float64, error) {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Trim(s, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// cutPercentile splits "ttft-p90" into "ttft" and "90". What follows -p counts as a
// percentile where it begins like a number, right or wrong.
func cutPercentile(s string) (name, percentile string, ok bool) {
	i := strings.LastIndex(s, "-p")
	if i < 0 || i+2 == len(s) || !strings.ContainsRune("0123456789.-+", rune(s[i+2])) {
		return s, "", false
	}
	return s[:i], s[i+2:], true
}

// unitOf returns the unit of the figure that people call name; "": none.
func unitOf(name string) string {
	for _, unit := range offered {
		if n, _ := splitUnit(unit); n == name {
			return unit
		}
	}
	return ""
}

func hint(name string) string {
	switch name {
	case "gap", "itl", "gap-p50", "gap-p99":
		return ": a request has many gaps; take tpot, or gap-max for the longest"
	}
	names := make([]string, len(offered))
	for i, unit := range offered {
		names[i], _ = splitUnit(unit)
	}
	return ": want one of " + strings.Join(names, ", ")
}
