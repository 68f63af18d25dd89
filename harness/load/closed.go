package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// ClosedLoop keeps a number of users busy: each sends its next request when its last
// has ended and its time to think is over. The requests in flight are never more than
// the users; a slow server gets fewer requests, not a longer queue.
type ClosedLoop struct {
	Users int // 0 is an error
	// Ramp is the time over which the users arrive, evenly; 0: all at once. The first
	// phase must not be counted then, and must last at least as long.
	Ramp   time.Duration
	Think  Think   // nil: nobody thinks
	Phases []Phase // in order; a request belongs to the phase in which it starts
}

// Check says what is wrong with the values; nil if nothing is.
func (l ClosedLoop) Check() error {
	if l.Users < 1 {
		return fmt.Errorf("load: want at least 1 user, have %d", l.Users)
	}
	if err := checkPhases(l.Phases, Phase.checkClosed); err != nil {
		return err
	}
	if l.Ramp < 0 {
		return fmt.Errorf("load: ramp: want a time of at least 0, have %v", l.Ramp)
	}
	if first := l.Phases[0]; l.Ramp > 0 && (first.Counted || first.Requests > 0 || first.For < l.Ramp) {
		return fmt.Errorf("load: ramp: users arrive over %v: want a first phase that is not counted and takes at least that time", l.Ramp)
	}
	return nil
}

// Run runs the phases and returns one result a phase, after every request that was
// started has ended. When ctx ends nothing more is started. The error is that of
// Check, and then nothing was started.
func (l ClosedLoop) Run(ctx context.Context, do Do) ([]Result, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	wake := newAlarm()
	defer wake.close()
	run := closedRun{ClosedLoop: l, do: do, wake: wake, over: make(chan struct{}), results: make([]Result, len(l.Phases))}
	// One instant for all users: a user whose goroutine is scheduled late has a
	// queue delay, not a later intention.
	begin := time.Now()
	run.results[0].Begin = begin
	var users sync.WaitGroup
	for u := range min(l.Users, l.most()) {
		arrival := l.Ramp / time.Duration(l.Users) * time.Duration(u)
		users.Go(func() { run.user(ctx, u, begin.Add(arrival)) })
	}
	users.Wait()
	run.settle()
	return run.results, nil
}

// Closed runs requests requests, all counted, by so many users who neither ramp nor
// think. It returns the number that was started; fewer than requests only when ctx
// ended. Every started request has returned by then. It starts nothing if there are
// no users or no requests.
//
// do must return when its context ends.
func Closed(ctx context.Context, users, requests int, do func(context.Context, Slot)) int {
	results, err := ClosedLoop{Users: users, Phases: []Phase{{Counted: true, Requests: requests}}}.Run(ctx, do)
	if err != nil {
		return 0
	}
	return results[0].Started
}

// most is a bound of the number of requests, as far as the phases have one: a user
// beyond it would never get any, or would take that of a lower number.
func (l ClosedLoop) most() int {
	sum := 0
	for _, p := range l.Phases {
		if p.Requests == 0 {
			return l.Users
		}
		sum += p.Requests
	}
	return sum
}

// closedRun is the state of one run, which the users share.
type closedRun struct {
	ClosedLoop
	do   Do
	wake alarm
	over chan struct{} // closed when the last request has been taken or the time is up

	mu      sync.Mutex
	results []Result
	phase   int  // the current one; len(Phases) when all is over
	index   int  // of the next request
	stopped bool // ctx has kept a user from its next request
}

// user sends one request after the other.
func (r *closedRun) user(ctx context.Context, user int, intended time.Time) {
	for turn := 0; ; turn++ {
		if r.endsBefore(intended) {
			return
		}
		waitUntil(ctx, r.wake, r.over, intended) // take sees for itself why a wait ended early
		slot, ok := r.take(ctx)
		if !ok {
			return
		}
		slot.User, slot.Turn, slot.Intended = user, turn, intended
		r.do(ctx, slot)
		r.finish(slot.Phase)
		intended = time.Now()
		if r.Think != nil {
			intended = intended.Add(max(0, r.Think(user, turn)))
		}
	}
}

// take gives out the next request of the phase that is on.
func (r *closedRun) take(ctx context.Context) (Slot, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.timeUp(now)
	if r.phase == len(r.Phases) {
		return Slot{}, false
	}
	if ctx.Err() != nil {
		r.stopped = true
		return Slot{}, false
	}
	phase, result := r.Phases[r.phase], &r.results[r.phase]
	slot := Slot{Index: r.index, Number: result.Started, Phase: r.phase, Counted: phase.Counted}
	r.index++
	if result.Started++; result.Started == phase.Requests {
		r.next(now)
	}
	return slot, true
}

// timeUp leaves the phases whose time has passed.
func (r *closedRun) timeUp(now time.Time) {
	for r.phase < len(r.Phases) {
		length := r.Phases[r.phase].For
		end := r.results[r.phase].Begin.Add(length)
		if length == 0 || now.Before(end) {
			return
		}
		r.next(end)
	}
}

// next ends the current phase and begins the one after it.
func (r *closedRun) next(at time.Time) {
	r.results[r.phase].End = at
	if r.phase++; r.phase < len(r.Phases) {
		r.results[r.phase].Begin = at
		return
	}
	close(r.over)
}

// endsBefore says whether all phases are sure to be over at the instant, so that
// nobody need wait for it.
func (r *closedRun) endsBefore(at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == len(r.Phases) {
		return true
	}
	end := r.results[r.phase].Begin
	for _, p := range r.Phases[r.phase:] {
		if p.For == 0 {
			return false
		}
		end = end.Add(p.For) // at the latest
	}
	return !at.Before(end)
}

func (r *closedRun) finish(phase int) {
	r.mu.Lock()
	r.results[phase].Finished++
	r.mu.Unlock()
}

// settle closes the accounts once all users have left.
func (r *closedRun) settle() {
	if !r.stopped { // the rest of the time would have brought nothing: everybody is thinking
		for r.phase < len(r.Phases) {
			r.next(r.results[r.phase].Begin.Add(r.Phases[r.phase].For))
		}
	}
	for i, p := range r.Phases {
		result := &r.results[i]
		result.Cut = i >= r.phase
		result.Planned = result.Started
		if p.For == 0 {
			result.Planned = p.Requests
		}
		result.Canceled = result.Planned - result.Started
	}
}
