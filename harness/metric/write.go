package metric

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
)

// KeyValue is a configuration line of a benchmark file, "engine: ollama 0.6.5": a
// fact that splits tables, because benchstat compares within equal facts only.
type KeyValue struct {
	Key   string // lower case, no spaces, e.g. "model"
	Value string // one line; empty: unknown, and not written
}

// Line is one line of results: a trial.
type Line struct {
	Name       string  // e.g. "BenchmarkContext/ctx=8192/users=1", without GOMAXPROCS suffix
	Procs      int     // GOMAXPROCS; 0 and 1 are written without suffix, as package testing does
	Iterations int     // requests or trials the line stands for; 1 for a trial
	Values     []Value // at least one, a unit at most once
}

// Get returns the value of a unit, and whether the line has it.
func (l Line) Get(unit string) (float64, bool) {
	for _, v := range l.Values {
		if v.Unit == unit {
			return v.Value, true
		}
	}
	return 0, false
}

// Reporter is the part of *testing.B that [Report] needs.
type Reporter interface {
	ReportMetric(n float64, unit string)
}

// Report hands the values of a trial to the benchmark that measured it, and takes
// away its ns/op, which means nothing here. It is the only way for a suite to
// print values: a plain ReportMetric(0, "queue-ns") would be misread by benchstat.
func Report(b Reporter, values []Value) {
	b.ReportMetric(0, "ns/op")
	for _, v := range values {
		b.ReportMetric(filed(v), v.Unit)
	}
}

// WriteUnits writes the unit metadata of the whole catalogue. A file has them once,
// before its results.
func WriteUnits(w io.Writer) error {
	var buf bytes.Buffer
	for _, m := range catalogue {
		if m.Better != "" {
			fmt.Fprintf(&buf, "Unit %s better=%s\n", m.Unit, m.Better)
		}
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// WriteLine writes one line of results in one Write. It refuses what would be
// misread: a name that ValidName refuses, a unit that is not in the catalogue or is
// there twice, a value that is not a finite number.
func WriteLine(w io.Writer, l Line) error {
	if err := check(l); err != nil {
		return err
	}
	var buf bytes.Buffer
	buf.WriteString(l.Name)
	if l.Procs > 1 {
		fmt.Fprintf(&buf, "-%d", l.Procs)
	}
	fmt.Fprintf(&buf, "\t%8d", l.Iterations)
	values := slices.SortedFunc(slices.Values(l.Values), func(a, b Value) int { return cmp.Compare(a.Unit, b.Unit) })
	for _, v := range values {
		fmt.Fprintf(&buf, "\t%s %s", number(filed(v)), v.Unit)
	}
	buf.WriteByte('\n')
	_, err := w.Write(buf.Bytes())
	return err
}

func check(l Line) error {
	if err := ValidName(l.Name); err != nil {
		return err
	}
	if l.Iterations < 1 {
		return fmt.Errorf("%s: %d iterations", l.Name, l.Iterations)
	}
	if len(l.Values) == 0 {
		return fmt.Errorf("%s: no values", l.Name)
	}
	seen := make(map[string]bool)
	for _, v := range l.Values {
		switch _, known := ByUnit(v.Unit); {
		case !known:
			return fmt.Errorf("%s: unit %q is not in the catalogue", l.Name, v.Unit)
		case seen[v.Unit]:
			return fmt.Errorf("%s: unit %q twice", l.Name, v.Unit)
		case math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
			return fmt.Errorf("%s: %s is %v", l.Name, v.Unit, v.Value)
		}
		seen[v.Unit] = true
	}
	return nil
}

var configPattern = regexp.MustCompile(`^[a-z][a-z0-9_.-]*$`)

// WriteFile writes a whole benchmark file: units, configuration, lines.
func WriteFile(w io.Writer, config []KeyValue, lines []Line) error {
	var buf bytes.Buffer
	errs := []error{WriteUnits(&buf)}
	for _, kv := range config {
		switch {
		case !configPattern.MatchString(kv.Key):
			errs = append(errs, fmt.Errorf("configuration key %q: want [a-z0-9_.-]", kv.Key))
		case strings.ContainsAny(kv.Value, "\r\n"):
			errs = append(errs, fmt.Errorf("configuration %s: line break in the value", kv.Key))
		case strings.TrimSpace(kv.Value) != "":
			fmt.Fprintf(&buf, "%s: %s\n", kv.Key, strings.TrimSpace(kv.Value))
		}
	}
	buf.WriteByte('\n')
	for _, l := range lines {
		errs = append(errs, WriteLine(&buf, l))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := w.Write(buf.Bytes())
	return err
}
