package session

import (
	"fmt"
	"slices"

	"aibench/harness/record"
	"aibench/harness/scenario"
)

// tally is what a session remembers of a cell.
type tally struct {
	cell    scenario.Cell
	trials  int            // given back or measured
	warm    bool           // warm-ups are done
	ok      bool           // at least one request was ok
	failure record.Outcome // of the first request that was not
	skipped bool           // recorded as not run
	reason  string         // why; "": it was run
}

func (s *Session) tally(c scenario.Cell) *tally {
	t := s.cells[c.Name()]
	if t == nil {
		t = &tally{cell: c}
		s.cells[c.Name()] = t
	}
	return t
}

// Trials is the number of the cell's trials so far, given back or measured.
func (s *Session) Trials(c scenario.Cell) int { return s.tally(c).trials }

// observe counts a trial and shows it.
func (s *Session) observe(t *tally, m Measured) Measured {
	t.trials++
	for _, r := range m.Requests {
		switch {
		case r.Outcome == record.OK:
			t.ok = true
		case t.failure == "":
			t.failure = r.Outcome
		}
	}
	s.show.trial(t.cell, m)
	return m
}

// Ended tells whether the cell must not be run any more, and why: the server is
// dead, or a cell of the same sweep that asks less (a smaller context, fewer users, a
// lower rate) had no request that was ok. One ok request keeps the sweep going, since what sometimes works has not reached its end.
func (s *Session) Ended(c scenario.Cell) (string, bool) {
	if s.dead != "" {
		return "server is dead: " + s.dead, true
	}
	if s.cfg.Continue {
		return "", false
	}
	var end *tally // the first of the sweep that failed
	for _, t := range s.cells {
		if c.Beyond(t.cell) && t.trials > 0 && !t.ok && (end == nil || end.cell.Beyond(t.cell)) {
			end = t
		}
	}
	if end == nil {
		return "", false
	}
	return fmt.Sprintf("sweep ended at %s: %s", end.cell.SubName(), end.failure), true
}

// NotRun records that a cell is left out; once, however often it is called.
func (s *Session) NotRun(c scenario.Cell, reason string) error {
	t := s.tally(c)
	if t.skipped {
		return nil
	}
	t.skipped, t.reason = true, reason
	s.show.notRun(c, reason)
	// A cell that is cut short says so in each session that cuts it.
	known := t.trials == 0 && slices.ContainsFunc(s.earlier.NotRun, func(n record.NotRun) bool { return n.Cell == c.Name() })
	if s.journal == nil || known {
		return nil
	}
	return s.journal.NotRun(record.NotRun{Type: "not_run", Session: s.number, Cell: c.Name(), Reason: reason})
}
