package report

import (
	"slices"
	"strconv"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/verdict"
)

// Stage is one stage of a run as its journal tells it.
type Stage struct {
	Name  string
	Log   *record.Log
	Cells []Cell // in the order of the sweep
}

// Cell is one benchmark name of a stage.
type Cell struct {
	Name     string
	Ctx      int // tokens; 0: not chosen by length
	Trials   []record.TrialData
	Lines    []metric.Line // of Trials
	Outcomes map[record.Outcome]int
	Validity verdict.Validity
	NotRun   string // why it was not run; "": it was
}

// Load reads a stage's journal.
func Load(dir *record.Dir, stage string) (Stage, error) {
	log, err := record.ReadLogFile(dir.Journal(stage))
	if err != nil {
		return Stage{}, err
	}
	s := Stage{Name: stage, Log: log}
	reasons := map[string]string{}
	for _, n := range log.NotRun {
		reasons[n.Cell] = n.Reason
	}
	for _, name := range log.Cells() {
		// A cell that was measured after all, in a later session, was run.
		if trials := log.Finished(name); len(trials) > 0 {
			s.Cells = append(s.Cells, cell(name, trials, clockOf(log, name, trials)))
		} else if reason, ok := reasons[name]; ok {
			s.Cells = append(s.Cells, Cell{Name: name, Ctx: compare.Ctx(name), NotRun: reason,
				Validity: verdict.Validity{Status: verdict.Valid, Reasons: []string{}}})
		}
	}
	return s, nil
}

// clockOf is the client's error at the cell's load, of the sessions that measured its
// trials the one that was worst. Nil: none was calibrated.
func clockOf(log *record.Log, name string, trials []record.TrialData) *record.CalibrationLevel {
	var worst *record.CalibrationLevel
	users := 1
	if v, ok := metric.Key(name, "users"); ok {
		users, _ = strconv.Atoi(v)
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

func cell(name string, trials []record.TrialData, clock *record.CalibrationLevel) Cell {
	c := Cell{Name: name, Ctx: compare.Ctx(name), Trials: trials, Outcomes: map[record.Outcome]int{}}
	var all []record.Request
	for _, t := range trials {
		c.Lines = append(c.Lines, metric.Line{Name: name, Procs: t.Trial.Procs, Iterations: 1, Values: metric.OfTrial(t.Trial, t.Requests)})
		all = append(all, t.Requests...)
	}
	for _, r := range all {
		c.Outcomes[r.Outcome]++
	}
	c.Validity = verdict.Validate(all, clock)
	return c
}

// Requests are the counted requests of the stage.
func (s Stage) Requests() []record.Request {
	var all []record.Request
	for _, c := range s.Cells {
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
		cc := compare.Cell{Name: c.Name, Ctx: c.Ctx, Lines: c.Lines, Outcomes: c.Outcomes, NotRun: c.NotRun}
		if c.Validity.Status == verdict.Invalid {
			cc.Invalid = c.Validity.Reasons
		}
		for _, t := range c.Trials {
			for _, r := range t.Requests {
				cc.Estimated = cc.Estimated || metric.Estimated(r)
			}
		}
		out.Cells = append(out.Cells, cc)
	}
	return out
}

// Compare sets b against a.
func Compare(a, b Stage) compare.Result {
	return compare.Stages(a.comparable(), b.comparable(), compare.DefaultConfig())
}
