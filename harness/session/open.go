package session

import (
	"context"
	"fmt"

	"aibench/harness/load"
	"aibench/harness/record"
)

// OpenLoop says how a trial's requests arrive that wait for nobody: as a Poisson process
// at the cell's rate, whether or not earlier ones have been answered.
type OpenLoop struct {
	// LeadIn is how many requests come first, at the same rate, and are counted
	// nowhere: those that follow find the server in its stride. 0: none.
	LeadIn int
	// Cap is the most requests that may be outstanding, at least 1. One that meets it
	// starts late, and its queue delay says so; none is dropped.
	Cap int
}

func (w Work) leadIn() int {
	if w.Open == nil {
		return 0
	}
	return w.Open.LeadIn
}

// drive runs the loop that the work asks for: so many calls of do as the batch has
// requests, those of the lead-in first.
func (s *Session) drive(ctx context.Context, w Work, trial int, b *batch, do load.Do) error {
	if w.Open == nil {
		load.Closed(ctx, max(w.Cell.Users, 1), len(b.requests), do)
		return nil
	}
	results, err := w.arrivals(s.cfg.Seed, trial, len(b.requests)).Run(ctx, do)
	if err != nil {
		return fmt.Errorf("%s: %w", w.Cell.Name(), err)
	}
	for _, r := range results {
		if n := r.Unaccounted(); n != 0 {
			return fmt.Errorf("%s: trial %d: %d of %d requests are unaccounted for", w.Cell.Name(), trial, n, r.Planned)
		}
	}
	counted := results[len(results)-1]
	if !counted.Begin.IsZero() { // else the session was told to stop before
		b.start = counted.Begin.Sub(s.epoch).Nanoseconds()
	}
	b.held = counted.CapReached
	return nil
}

// arrivals plans an open loop. The instants depend on the seed and the trial alone, so
// that both stages see the same ones.
func (w Work) arrivals(seed uint64, trial, n int) load.OpenLoop {
	l := load.OpenLoop{Cap: w.Open.Cap}
	own := seed + 2*uint64(trial)
	if w.Open.LeadIn > 0 {
		l.Phases = append(l.Phases, load.Phase{Name: "lead-in", Requests: w.Open.LeadIn, Pacer: load.Poisson{Rate: w.Cell.Rate, Seed: own + 1}})
	}
	l.Phases = append(l.Phases, load.Phase{Name: "counted", Counted: true, Requests: n, Pacer: load.Poisson{Rate: w.Cell.Rate, Seed: own}})
	return l
}

// noteHeld says that the load was not the one that was planned.
func (s *Session) noteHeld(w Work, t record.Trial, b batch) error {
	if b.held == 0 {
		return nil
	}
	return s.note(fmt.Sprintf("%s: trial %d: %d of %d requests started late, as %d were outstanding: more are not let out; the wait is their queue delay",
		t.Cell, t.Trial, b.held, t.Requests, w.Open.Cap))
}
