package session

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/scenario"
)

// progress tells people how far a stage is: a line a trial, and on a terminal a bar
// below. It writes between trials only, never while one runs.
type progress struct {
	w     io.Writer
	stage string
	bar   *progressbar.ProgressBar
	now   func() time.Time

	trials    int             // planned trials a cell
	told      map[string]bool // evidence that was shown, by cell and outcome
	planned   map[string]int  // trials left, by cell name
	weight    map[string]float64
	left, all float64   // of the weights
	begun     time.Time // of the first trial that was measured here
	spent     float64   // weight measured since begun
}

func newProgress(cfg Config) *progress {
	w := cfg.Progress
	if w == nil {
		w = io.Discard
	}
	p := &progress{w: w, stage: cfg.Stage, trials: cfg.Trials, now: time.Now,
		planned: map[string]int{}, told: map[string]bool{}, weight: map[string]float64{}}
	if cfg.Terminal {
		p.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(30), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
	}
	return p
}

// Plan tells which cells will come: for the time left, and for Close, which says
// whether they all came.
func (s *Session) Plan(cells []scenario.Cell) {
	s.planned = append(s.planned, cells...)
	s.show.plan(cells)
}

func (p *progress) plan(cells []scenario.Cell) {
	for _, c := range cells {
		if p.trials == 0 || p.planned[c.Name()] > 0 {
			continue
		}
		p.planned[c.Name()] = p.trials
		p.weight[c.Name()] = trialWeight(c)
		p.all += trialWeight(c) * float64(p.trials)
	}
	p.left = p.all
	if p.bar != nil {
		p.bar.ChangeMax64(int64(p.all))
	}
}

// trialWeight guesses the cost of a trial relative to others: a fixed part, and the
// tokens to read. It only feeds the time left.
func trialWeight(c scenario.Cell) float64 {
	return float64(c.PerTrial()) * float64(c.Ctx+2048)
}

func (p *progress) working(c scenario.Cell, what string) {
	if p.begun.IsZero() {
		p.begun = p.now()
	}
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s %s %s", p.stage, c.SubName(), what))
	}
}

func (p *progress) trial(c scenario.Cell, m Measured) {
	p.consume(c, 1, !m.Replayed)
	note := ""
	if m.Replayed {
		note = "  (from the journal)"
	}
	p.line("%-9s %-22s trial %s  %s%s%s", p.stage, c.SubName(), p.ordinal(c, m.Trial.Trial), p.figures(m), note, p.eta())
	p.because(c, m)
}

func (p *progress) notRun(c scenario.Cell, reason string) {
	p.consume(c, p.planned[c.Name()], false)
	p.line("%-9s %-22s not run: %s", p.stage, c.SubName(), reason)
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

// consume takes n trials of a cell out of what is left; measured ones set the pace.
func (p *progress) consume(c scenario.Cell, n int, measured bool) {
	name := c.Name()
	n = min(n, p.planned[name])
	p.planned[name] -= n
	w := p.weight[name] * float64(n)
	p.left -= w
	if measured {
		if p.begun.IsZero() {
			p.begun = p.now()
		}
		p.spent += w
	}
}

// ordinal numbers a trial, of so many where that is known: a capacity search takes as
// many as it needs.
func (p *progress) ordinal(c scenario.Cell, n int) string {
	if p.weight[c.Name()] == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d/%d", n, p.trials)
}

// eta is the time left at the pace so far, once there is one.
func (p *progress) eta() string {
	if p.all == 0 || p.left <= 0 || p.spent == 0 {
		return ""
	}
	left := time.Duration(float64(p.now().Sub(p.begun)) * p.left / p.spent)
	return fmt.Sprintf("  [%.0f %%, about %s left]", 100*(p.all-p.left)/p.all, left.Round(time.Second))
}

// figures are what a person wants to see of a trial while it runs.
func (p *progress) figures(m Measured) string {
	ok, failed := 0, record.Outcome("")
	for _, r := range m.Requests {
		if r.Outcome == record.OK {
			ok++
		} else if failed == "" {
			failed = r.Outcome
		}
	}
	s := "ok"
	if ok < len(m.Requests) {
		s = fmt.Sprintf("%d of %d ok (%s)", ok, len(m.Requests), failed)
	}
	for _, v := range metric.OfTrial(m.Trial, m.Requests) {
		switch v.Unit {
		case metric.TTFT:
			s += "  TTFT " + metric.Format(v.Unit, v.Value)
		case metric.Decode:
			s += "  decode "
			if slices.ContainsFunc(m.Requests, metric.Estimated) {
				s += "~" // tokens are counted chunks
			}
			s += metric.Format(v.Unit, v.Value)
		}
	}
	return s
}

// because tells what the server said, the first time that a cell ends in an outcome.
func (p *progress) because(c scenario.Cell, m Measured) {
	const most = 100
	for _, r := range m.Requests {
		key := c.Name() + " " + string(r.Outcome)
		if r.Outcome == record.OK || r.Evidence == "" || p.told[key] {
			continue
		}
		p.told[key] = true
		evidence := strings.Join(strings.Fields(r.Evidence), " ")
		if len(evidence) > most {
			evidence = strings.ToValidUTF8(evidence[:most], "") + "..."
		}
		p.line("          %s: %s", r.Outcome, evidence)
	}
}

func (p *progress) line(format string, args ...any) {
	if p.bar != nil {
		p.bar.Clear()
	}
	fmt.Fprintf(p.w, format+"\n", args...)
	if p.bar != nil {
		p.bar.Set64(int64(p.all - p.left))
	}
}
