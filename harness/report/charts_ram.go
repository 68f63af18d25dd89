package report

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"aibench/harness/compare"
	"aibench/harness/record"
	"aibench/harness/telemetry"
)

// ramChart is what the chart of memory over time shows. Times are seconds since the
// stage began; the sessions of a stage that was resumed follow one another without the
// time between them.
type ramChart struct {
	Head   chartHead
	Panels []ramPanel // one a stage that has telemetry of memory
}

type ramPanel struct {
	Stage  string
	Used   [][]ramPoint // memory in use on the machine; pieces between which figures are missing
	Server [][]ramPoint // resident memory of the server's processes; none: not sampled
	Total  record.Opt[int64]
	Bands  []ramBand
	Events []ramEvent
	Seams  []float64 // where a later session begins
	End    float64
}

type ramPoint struct{ At, Bytes float64 }

// ramBand is a time in which trials of one cell ran, one after another.
type ramBand struct {
	From, To float64
	Label    string // "8K", or the cell's name
	cell     string
	session  int
}

// ramEvent is the end of a request for want of memory, or the server's death.
type ramEvent struct {
	At   float64
	Text string
}

// readTicks reads the telemetry of each stage, as far as there is any.
func readTicks(dir *record.Dir, stages []Stage) (map[string][]telemetry.Tick, error) {
	out := map[string][]telemetry.Tick{}
	var errs []error
	for _, s := range stages {
		path := dir.Metrics(s.Name)
		b, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) || (err == nil && len(b) == 0): // sampling has just begun
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("telemetry: %w", err))
			continue
		}
		ticks, err := telemetry.ReadCSV(bytes.NewReader(b))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
		out[s.Name] = ticks
	}
	return out, errors.Join(errs...)
}

// newRAMChart gathers the facts; false where no stage has telemetry of memory.
func newRAMChart(run record.Run, stages []Stage, ticks map[string][]telemetry.Tick) (ramChart, bool) {
	c := ramChart{Head: newHead("Memory over time", run, stages)}
	if slices.ContainsFunc(stages, func(s Stage) bool { return s.Session().Simulated }) {
		// The mock plays a machine of its own; these are not that machine's figures.
		c.Head.Notes = append(c.Head.Notes, "memory of the machine that ran the mock")
	}
	for _, s := range stages {
		p := newRAMPanel(s, ticks[s.Name])
		if len(p.Used)+len(p.Server) == 0 {
			c.Head.Notes = append(c.Head.Notes, s.Name+": no telemetry of memory")
			continue
		}
		c.Panels = append(c.Panels, p)
	}
	return c, len(c.Panels) > 0
}

func newRAMPanel(s Stage, ticks []telemetry.Tick) ramPanel {
	p := ramPanel{Stage: s.Name}
	clock := newStageClock(s.Log, ticks)
	p.Used = ramLine(ticks, clock, func(t telemetry.Tick) record.Opt[int64] { return t.RAMUsed })
	p.Server = ramLine(ticks, clock, func(t telemetry.Tick) record.Opt[int64] { return t.ServerRSS })
	for _, t := range ticks {
		if v, ok := t.RAMTotal.Get(); ok {
			p.Total = record.Some(v)
		}
	}
	p.Bands = ramBands(s, clock)
	for _, r := range s.Log.Requests { // also warm-ups and trials that never ended: memory ran out all the same
		if text := fatal(r.Outcome); text != "" {
			p.Events = append(p.Events, ramEvent{clock.at(r.Session, r.End.Or(r.Start.Or(0))), text})
		}
	}
	slices.SortStableFunc(p.Events, func(a, b ramEvent) int { return cmp.Compare(a.At, b.At) })
	p.Seams, p.End = clock.seams, clock.end
	return p
}

// fatal names the outcomes that a look at memory may explain; "" for others.
func fatal(o record.Outcome) string {
	switch {
	case o.OutOfMemory():
		return "OOM"
	case o == record.ServerDead:
		return "server died"
	}
	return ""
}

// stageClock puts the sessions of a stage, each with an epoch of its own, one after
// another.
type stageClock struct {
	offset map[int]float64 // of each session, seconds
	seams  []float64
	end    float64
}

const nanosecond = 1e-9

func newStageClock(log *record.Log, ticks []telemetry.Tick) stageClock {
	length := map[int]int64{}
	see := func(session int, at int64) { length[session] = max(length[session], at) }
	for _, t := range ticks {
		see(t.Session, t.At)
	}
	for _, t := range log.Trials {
		see(t.Session, t.End)
	}
	for _, r := range log.Requests {
		see(r.Session, r.End.Or(0))
	}
	var sessions []int
	for n := range length {
		sessions = append(sessions, n)
	}
	slices.Sort(sessions)
	c := stageClock{offset: map[int]float64{}}
	for i, n := range sessions {
		if i > 0 {
			c.seams = append(c.seams, c.end)
		}
		c.offset[n] = c.end
		c.end += float64(length[n]) * nanosecond
	}
	return c
}

func (c stageClock) at(session int, ns int64) float64 {
	return c.offset[session] + float64(ns)*nanosecond
}

// ramLine is one figure over time, in pieces: a missing figure and the end of a
// session leave a gap.
func ramLine(ticks []telemetry.Tick, clock stageClock, of func(telemetry.Tick) record.Opt[int64]) [][]ramPoint {
	var lines [][]ramPoint
	session := -1 // of the piece that is growing
	for _, t := range ticks {
		v, ok := of(t).Get()
		if !ok {
			session = -1
			continue
		}
		if session != t.Session {
			session = t.Session
			lines = append(lines, nil)
		}
		n := len(lines) - 1
		lines[n] = append(lines[n], ramPoint{clock.at(t.Session, t.At), float64(v)})
	}
	for i, l := range lines {
		lines[i] = thin(l, maxRAMPoints)
	}
	return lines
}

// maxRAMPoints is about what a page can show; a night has a hundred thousand ticks.
const maxRAMPoints = 2000

// thin keeps the first, lowest, highest and last of every stretch of points, so that
// no peak is lost.
func thin(l []ramPoint, most int) []ramPoint {
	if len(l) <= most {
		return l
	}
	per := (4*len(l) + most - 1) / most
	var out []ramPoint
	for part := range slices.Chunk(l, per) {
		lo, hi := 0, 0
		for i, p := range part {
			if p.Bytes < part[lo].Bytes {
				lo = i
			}
			if p.Bytes > part[hi].Bytes {
				hi = i
			}
		}
		keep := []int{0, lo, hi, len(part) - 1}
		slices.Sort(keep)
		for _, i := range slices.Compact(keep) {
			out = append(out, part[i])
		}
	}
	return out
}

// ramBands joins the trials that followed one another in the same cell and session.
func ramBands(s Stage, clock stageClock) []ramBand {
	several := map[string]bool{}
	for _, t := range s.Log.Trials {
		several[compare.Group(t.Cell)] = true
	}
	var bands []ramBand
	for _, t := range s.Log.Trials {
		from, to := clock.at(t.Session, t.Start), clock.at(t.Session, t.End)
		if n := len(bands); n > 0 && bands[n-1].cell == t.Cell && bands[n-1].session == t.Session {
			bands[n-1].To = to
			continue
		}
		bands = append(bands, ramBand{from, to, bandLabel(t.Cell, len(several) > 1), t.Cell, t.Session})
	}
	return bands
}

func bandLabel(cell string, several bool) string {
	ctx := compare.Ctx(cell)
	if ctx == 0 {
		return strings.TrimPrefix(cell, "Benchmark")
	}
	label := contextLabel(ctx)
	if several {
		_, rest, _ := strings.Cut(compare.Group(cell), "/")
		label = strings.TrimSpace(label + " " + rest)
	}
	return label
}
