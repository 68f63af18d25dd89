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
}

func (s *Session) tally(c scenario.Cell) *tally {
	t := s.cells[c.Name()]
	if t == nil {
		t = &tally{cell: c}
		s.cells[c.Name()] = t
	}
	return t
}

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
// dead, or a smaller context of the same sweep had no request that was ok. One ok
// request keeps the sweep going, since what sometimes works has not reached its end.
func (s *Session) Ended(c scenario.Cell) (string, bool) {
	if s.dead != "" {
		return "server is dead: " + s.dead, true
	}
	if s.cfg.Continue {
		return "", false
	}
	var end *tally // the smallest context that failed
	for _, t := range s.cells {
		if sweepOf(t.cell) == sweepOf(c) && t.cell.Ctx < c.Ctx && t.trials > 0 && !t.ok &&
			(end == nil || t.cell.Ctx < end.cell.Ctx) {
			end = t
		}
	}
	if end == nil {
		return "", false
	}
	return fmt.Sprintf("sweep ended at %s: %s", end.cell.SubName(), end.failure), true
}

// sweepOf names the cells that one failing context ends: those that differ from it
// in the context only.
func sweepOf(c scenario.Cell) string {
	c.Ctx = 0
	return c.Name()
}

// NotRun records that a cell is left out; once, however often it is called.
func (s *Session) NotRun(c scenario.Cell, reason string) error {
	t := s.tally(c)
	if t.skipped {
		return nil
	}
	t.skipped = true
	s.show.notRun(c, reason)
	known := slices.ContainsFunc(s.earlier.NotRun, func(n record.NotRun) bool { return n.Cell == c.Name() })
	if s.journal == nil || known {
		return nil
	}
	return s.journal.NotRun(record.NotRun{Type: "not_run", Session: s.number, Cell: c.Name(), Reason: reason})
}
