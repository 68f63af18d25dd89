package report

import (
	"fmt"
	"slices"
	"strings"

	"aibench/harness/capacity"
	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/verdict"
)

// Stage is one stage of a run as its journal tells it.
type Stage struct {
	Name  string
	SLO   capacity.Objectives // of goodput; none: there is none
	Log   *record.Log
	Cells []Cell // in the order of the sweep
	Steps []Cell // of capacity searches: their results are in Cells, and these behind them
}

// Cell is one benchmark name of a stage.
type Cell struct {
	Name     string
	Ctx      int // tokens; 0: the context is not what the sweep raises
	Trials   []record.TrialData
	Lines    []metric.Line // of Trials
	Outcomes map[record.Outcome]int
	Validity verdict.Validity
	NotRun   string            // why it was not run; "": it was
	Searches []record.Capacity // of a cell that is a capacity search, which has no trials of its own
}

// Load reads a stage's journal.
func Load(dir *record.Dir, stage string) (Stage, error) {
	log, err := record.ReadLogFile(dir.Journal(stage))
	if err != nil {
		return Stage{}, err
	}
	s := Stage{Name: stage, Log: log}
	if s.SLO, err = capacity.ParseOptional(s.Session().SLO); err != nil {
		return Stage{}, fmt.Errorf("journal %s: %w", dir.Journal(stage), err)
	}
	left := map[string]record.NotRun{} // the latest word on each cell
	for _, n := range log.NotRun {
		left[n.Cell] = n
	}
	for _, name := range log.Cells() {
		if c, ok := searchCell(log, name); ok {
			s.Cells = append(s.Cells, c)
			continue
		}
		// A cell that was measured after all, in a later session, was run.
		if trials := log.Finished(name); len(trials) > 0 {
			c := cell(name, trials, s.SLO, clockOf(log, name, trials))
			c.cutShort(left[name])
			if isStep(name) {
				s.Steps = append(s.Steps, c)
				continue
			}
			s.Cells = append(s.Cells, c)
		} else if n, ok := left[name]; ok {
			s.Cells = append(s.Cells, Cell{Name: name, Ctx: sweptCtx(name), NotRun: n.Reason,
				Validity: verdict.Validity{Status: verdict.NotRun, Reasons: []string{}}})
		}
	}
	return s, nil
}

// cutShort says of a cell whose requests were all ok that trials are missing, and why:
// it must not pass for a stable one. A cell that failed has said what it had to say, and
// one with trials of a later session has been continued.
func (c *Cell) cutShort(left record.NotRun) {
	for o, n := range c.Outcomes {
		if o != record.OK && n > 0 {
			return
		}
	}
	if left.Reason != "" && left.Session >= c.Trials[len(c.Trials)-1].Trial.Session {
		c.Validity.Status = verdict.Invalid
		c.Validity.Reasons = append(c.Validity.Reasons, fmt.Sprintf("cut short after %d trials: %s", len(c.Trials), left.Reason))
	}
}

// clockOf is the client's error at the cell's load, of the sessions that measured its
// trials the one that was worst. Nil: none was calibrated.
func clockOf(log *record.Log, name string, trials []record.TrialData) *record.CalibrationLevel {
	var worst *record.CalibrationLevel
	users, ok := closedUsers(name)
	if !ok {
		users = mostInFlight(trials)
	}
	for _, c := range log.Calibrations {
		if !slices.ContainsFunc(trials, func(t record.TrialData) bool { return t.Trial.Session == c.Session }) {
			continue
		}
		if l := verdict.ClockFor(c, users); worst == nil || l != nil && l.Gap.P50 > worst.Gap.P50 {
			worst = l
		}
	}
	return worst
}

func cell(name string, trials []record.TrialData, slo capacity.Objectives, clock *record.CalibrationLevel) Cell {
	c := Cell{Name: name, Ctx: sweptCtx(name), Trials: trials, Outcomes: map[record.Outcome]int{}}
	var all []record.Request
	for _, t := range trials {
		c.Lines = append(c.Lines, metric.Line{Name: name, Procs: t.Trial.Procs, Iterations: 1,
			Values: metric.OfTrial(t.Trial, t.Requests, slo.Values(t.Trial, t.Requests)...)})
		all = append(all, t.Requests...)
	}
	for _, r := range all {
		c.Outcomes[r.Outcome]++
	}
	c.Validity = verdict.Validate(all, clock)
	if users, ok := closedUsers(name); ok {
		c.Validity = c.Validity.HoldClosedLoop(trials, users)
	}
	return c
}

// estimated tells whether token counts of the cell are counted chunks.
func (c Cell) estimated() bool {
	for _, t := range c.Trials {
		if slices.ContainsFunc(t.Requests, metric.Estimated) {
			return true
		}
	}
	return false
}

// Requests are the counted requests of the stage.
func (s Stage) Requests() []record.Request {
	var all []record.Request
	for _, c := range slices.Concat(s.Cells, s.Steps) {
		for _, t := range c.Trials {
			all = append(all, t.Requests...)
		}
	}
	return all
}

// Session is the latest session: what answered. The zero Session where none began.
func (s Stage) Session() record.Session {
	if n := len(s.Log.Sessions); n > 0 {
		return s.Log.Sessions[n-1]
	}
	return record.Session{}
}

// comparable gives the stage as package compare wants it.
func (s Stage) comparable() compare.Stage {
	out := compare.Stage{Name: s.Name}
	for _, c := range s.Cells {
		if len(c.Searches) > 0 {
			continue // a bracket is not a sample; WriteConsole shows those of both stages
		}
		cc := compare.Cell{Name: c.Name, Ctx: compare.Ctx(c.Name), Lines: c.Lines, Outcomes: c.Outcomes, NotRun: c.NotRun}
		if c.Validity.Status == verdict.Invalid {
			cc.Invalid = c.Validity.Reasons
		}
		cc.Estimated = c.estimated()
		out.Cells = append(out.Cells, cc)
	}
	return out
}

// Compare sets b against a. Stages that different models or servers answered have
// nothing to be compared: then every cell of b says so.
func Compare(a, b Stage) compare.Result {
	ca, cb := a.comparable(), b.comparable()
	if why := otherFacts(a, b); why != "" {
		for i := range cb.Cells {
			cb.Cells[i].Invalid = append([]string{why}, cb.Cells[i].Invalid...)
		}
	}
	r := compare.Stages(ca, cb, compare.DefaultConfig())
	// A sweep over users or rates at one context says nothing of the longest.
	r.MaxStable = slices.DeleteFunc(r.MaxStable, func(m compare.MaxStable) bool { return !sweepsContexts(m.Group + "/") })
	return r
}

// otherFacts names the facts in which the stages differ; "" for none, and where one of
// them has not begun.
func otherFacts(a, b Stage) string {
	if len(a.Log.Sessions) == 0 || len(b.Log.Sessions) == 0 {
		return ""
	}
	fb := Facts(b.Session())
	var differ []string
	for i, fa := range Facts(a.Session()) {
		if fa.Value != fb[i].Value {
			differ = append(differ, fmt.Sprintf("%s was %q and is %q", fa.Key, fa.Value, fb[i].Value))
		}
	}
	if len(differ) == 0 {
		return ""
	}
	return "not the same as in " + a.Name + ": " + strings.Join(differ, ", ")
}
