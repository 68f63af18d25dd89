package load

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Do makes one request and returns when it has ended. It is called on a goroutine of
// its own, or its user's. It must return when its context ends.
type Do func(context.Context, Slot)

// Slot is the schedule's word on one request.
type Slot struct {
	Index    int       // of the request over all phases, from 0; what is asked depends on it alone
	Number   int       // of the request within its phase, from 0
	User     int       // who sends it, from 0; the key of a session. In an open loop each request is a user of its own
	Turn     int       // of the user, from 0; 0 begins a session. Always 0 in an open loop
	Phase    int       // number of its phase, from 0
	Counted  bool      // the phase's: false says that it belongs to a ramp or a warm-up
	Held     bool      // open loop: it starts late because the cap was reached at its time
	Intended time.Time // when the schedule wanted it to start; carries the monotonic clock
}

// Phase is a stretch of a load. It ends with its time or with its last request,
// whichever comes first; at least one of the two must be given.
type Phase struct {
	Name     string        // for people and records; may be empty
	Counted  bool          // false: a ramp or a warm-up, whose requests belong to no figure
	For      time.Duration // 0: not bounded by time
	Requests int           // 0: not bounded by number
	Pacer    Pacer         // of an open loop; nil in a closed one, whose users set the pace
}

// Size says how many requests a phase of an open loop plans, and how long it is until
// the next phase begins: its time, or, where it is bounded by number, the instant at
// which one more request would have been due.
func (p Phase) Size() (requests int, length time.Duration) {
	if p.checkOpen() != nil {
		return 0, 0
	}
	for due := range p.Pacer.Due() {
		if p.For > 0 && due >= p.For {
			return requests, p.For
		}
		if length = due; p.Requests > 0 && requests == p.Requests {
			return requests, length
		}
		requests++
	}
	return requests, max(length, p.For) // the pacer came to an end by itself
}

// planned yields the first n instants of the pacer.
func (p Phase) planned(n int) iter.Seq2[int, time.Duration] {
	return func(yield func(int, time.Duration) bool) {
		k := 0
		for due := range p.Pacer.Due() {
			if k == n || !yield(k, due) {
				return
			}
			k++
		}
	}
}

func (p Phase) checkBounds() error {
	switch {
	case p.For < 0:
		return fmt.Errorf("want a time of at least 0, have %v", p.For)
	case p.Requests < 0:
		return fmt.Errorf("want a number of requests of at least 0, have %d", p.Requests)
	case p.For == 0 && p.Requests == 0:
		return errors.New("has no end: want a time or a number of requests")
	}
	return nil
}

func (p Phase) checkOpen() error {
	if err := p.checkBounds(); err != nil {
		return err
	}
	if p.Pacer == nil {
		return errors.New("an open loop wants a pacer")
	}
	return p.Pacer.Check()
}

func (p Phase) checkClosed() error {
	if p.Pacer != nil {
		return errors.New("a closed loop has no pacer: its users set the pace")
	}
	return p.checkBounds()
}

// checkPhases names the phase that is at fault.
func checkPhases(phases []Phase, check func(Phase) error) error {
	if len(phases) == 0 {
		return errors.New("load: want at least one phase")
	}
	for i, p := range phases {
		if err := check(p); err != nil {
			return fmt.Errorf("load: phase %d %q: %w", i, p.Name, err)
		}
	}
	return nil
}

// Result is the account of one phase. Planned = Finished + Canceled, always.
type Result struct {
	Planned    int       // requests of the schedule; where a closed loop is bounded by time: those that it came to start
	Started    int       // handed to the function
	Finished   int       // the function has returned, well or not
	Canceled   int       // planned, and never started since the context ended
	CapReached int       // of those started: had to wait for the cap; each was late and none was dropped
	Cut        bool      // the context ended before the phase had
	Begin      time.Time // of the phase by the schedule; zero: it never began
	End        time.Time // of the phase by the schedule, where the next begins; its last requests may end later. Zero: it was cut
}

// Unaccounted is the number of requests of which nothing is known. Anything but 0 is
// a defect of this package.
func (r Result) Unaccounted() int { return r.Planned - r.Finished - r.Canceled }
