package session

import (
	"runtime"
	"slices"

	"aibench/harness/record"
)

// Capacity keeps the outcome of a capacity search, and returns it as the journal holds
// it. A search that was replayed stands there already.
func (s *Session) Capacity(c record.Capacity) (record.Capacity, error) {
	c.SLO, c.Procs = s.cfg.SLO, runtime.GOMAXPROCS(0)
	i := slices.IndexFunc(s.earlier.Capacities, func(e record.Capacity) bool { return e.Cell == c.Cell && e.Search == c.Search })
	if i >= 0 {
		return s.earlier.Capacities[i], nil
	}
	if s.journal == nil {
		return c, nil
	}
	return c, s.journal.Capacity(c)
}

// Tell says something to people among the progress.
func (s *Session) Tell(text string) { s.show.line("%-9s %s", s.cfg.Stage, text) }
