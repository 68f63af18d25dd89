package capacity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// Objective is a limit on a figure of a request, and the share of requests that must
// keep it.
type Objective struct {
	// Unit is the metric's, as in its catalogue: metric.TTFT. For metric.OKShare the
	// objective is of the class of requests and has no percentile.
	Unit string
	// Percentile is between 0 and 100, exclusive. Absent: the median, 50; for
	// metric.OKShare the share is Limit itself.
	Percentile record.Opt[float64]
	// Limit is in Unit, positive. A figure equal to it meets the objective. Whether it
	// must not be exceeded or not be missed is the catalogue's Better.
	Limit float64
}

// Objectives is a list of them; as a flag.Value it binds to -slo.
type Objectives []Objective

// offered are the figures of a request that an objective can be about.
var offered = []string{
	metric.TTFT, metric.TTFTSched, metric.TTFA, metric.TPOT, metric.Decode, metric.Prefill,
	metric.PrefillUncached, metric.Overall, metric.E2E, metric.Queue, metric.GapMax, metric.OKShare,
}

// splitUnit splits a unit into the name that people write and its last part.
func splitUnit(unit string) (name, last string) {
	i := strings.LastIndexByte(unit, '-')
	return unit[:max(i, 0)], unit[i+1:]
}

// Share is the share of requests that must keep the limit, from 0 to 1.
func (o Objective) Share() float64 {
	if o.Unit == metric.OKShare {
		return o.Limit / 100
	}
	return o.Percentile.Or(50) / 100
}

// Met tells whether the request keeps the limit, and whether that can be told. A
// request that failed does not, whatever its figures: it never gave its user what
// they asked for. One that is ok and lacks the figure is not known.
func (o Objective) Met(r record.Request) (met, known bool) {
	if r.Outcome != record.OK {
		return false, true
	}
	return o.metBy(metric.OfRequest(r))
}

// metBy is Met of an ok request, by its figures.
func (o Objective) metBy(f metric.Figures) (met, known bool) {
	if o.Unit == metric.OKShare {
		return true, true
	}
	v, known := f.Get(o.Unit)
	m, _ := metric.ByUnit(o.Unit)
	switch {
	case !known || m.Better == "":
		return false, false
	case m.Better == metric.Higher:
		return v >= o.Limit, true
	}
	return v <= o.Limit, true
}

// check is what Parse guarantees, for objectives made by hand.
func (o Objective) check() error {
	if !slices.Contains(offered, o.Unit) {
		return fmt.Errorf("objective: no objective can be about unit %q", o.Unit)
	}
	if p, ok := o.Percentile.Get(); ok && (!(p > 0 && p < 100) || o.Unit == metric.OKShare) {
		return fmt.Errorf("objective %s: no percentile %v", o, p)
	}
	if !(o.Limit > 0) || o.Limit*0 != 0 || (o.Unit == metric.OKShare && o.Limit > 100) {
		return fmt.Errorf("objective %s: no limit %v", o, o.Limit)
	}
	return nil
}

// String is the form that Parse reads: "ttft-p90=10s".
func (o Objective) String() string {
	name, last := splitUnit(o.Unit)
	if p, ok := o.Percentile.Get(); ok {
		name += "-p" + plain(p)
	}
	if last == "ns" {
		return name + "=" + duration(o.Limit)
	}
	return name + "=" + plain(o.Limit) + last
}

// String is the form that Parse reads.
func (os Objectives) String() string {
	parts := make([]string, len(os))
	for i, o := range os {
		parts[i] = o.String()
	}
	return strings.Join(parts, ",")
}

// Set replaces the list by what Parse makes of s.
func (os *Objectives) Set(s string) error {
	parsed, err := Parse(s)
	if err != nil {
		return err
	}
	*os = parsed
	return nil
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// duration writes ns in the largest unit in which it is at least 1 and reads back as
// the same number.
func duration(ns float64) string {
	for _, u := range durations {
		s := plain(ns / u.ns)
		if back, err := strconv.ParseFloat(s, 64); ns >= u.ns && err == nil && back*u.ns == ns {
			return s + u.name
		}
	}
	return plain(ns) + "ns"
}

// durations are the units of a duration, longest first.
var durations = []struct {
	name string
	ns   float64
}{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}
