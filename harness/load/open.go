package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// OpenLoop starts requests when its phases' pacers want them, whether or not earlier
// ones have been answered, as users do who don't know of each other.
type OpenLoop struct {
	// Cap is the most requests that may be outstanding; 0 is an error, as a server
	// that has stopped answering would otherwise take this machine down as well. A
	// request that meets the cap starts as soon as another one ends, and those behind
	// it after it: late, marked Held, with its Intended unchanged.
	Cap    int
	Phases []Phase // in order, each beginning where the one before ends by the schedule
}

// Check says what is wrong with the values; nil if nothing is.
func (l OpenLoop) Check() error {
	if l.Cap < 1 {
		return fmt.Errorf("load: want a cap of at least 1 outstanding request, have %d", l.Cap)
	}
	return checkPhases(l.Phases, Phase.checkOpen)
}

// Run runs the phases and returns one result a phase, after every request that was
// started has ended. A phase that is late because of the cap starts all its requests
// all the same. When ctx ends nothing more is started. The error is that of Check,
// and then nothing was started.
func (l OpenLoop) Run(ctx context.Context, do Do) ([]Result, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	wake := newAlarm()
	defer wake.close()
	run := openRun{do: do, wake: wake, places: make(chan struct{}, l.Cap), results: make([]Result, len(l.Phases))}
	sizes := make([]time.Duration, len(l.Phases))
	for i, p := range l.Phases { // before the clock starts: this can be long
		run.results[i].Planned, sizes[i] = p.Size()
	}
	begin := time.Now()
	for i, p := range l.Phases {
		if run.results[i].Cut = !run.phase(ctx, i, p, begin); run.results[i].Cut {
			break
		}
		begin = begin.Add(sizes[i])
		run.results[i].End = begin
	}
	run.running.Wait()
	for i := range run.results {
		r := &run.results[i]
		r.Canceled = r.Planned - r.Started
		r.Cut = r.Cut || r.Begin.IsZero()
	}
	return run.results, nil
}

// openRun is the state of one run. Only the loop's own goroutine writes it, but for
// the results' Finished, which mu guards.
type openRun struct {
	do      Do
	wake    alarm
	places  chan struct{} // one for each outstanding request
	running sync.WaitGroup
	mu      sync.Mutex
	results []Result

	index int       // of the next request
	freed time.Time // when the loop last got a place that it had had to wait for
}

// phase starts the requests of phase i. It returns false if ctx ended before the last
// of them was started.
func (r *openRun) phase(ctx context.Context, i int, p Phase, begin time.Time) bool {
	result := &r.results[i]
	if ctx.Err() != nil {
		return false
	}
	result.Begin = begin
	for n, due := range p.planned(result.Planned) {
		intended := begin.Add(due)
		if !waitUntil(ctx, r.wake, nil, intended) || !r.place(ctx) {
			return false
		}
		held := intended.Before(r.freed) // also if it got its own place at once: it stood behind one that had not
		if result.Started++; held {
			result.CapReached++
		}
		r.start(ctx, Slot{Index: r.index, Number: n, User: r.index, Phase: i, Counted: p.Counted, Held: held, Intended: intended})
		r.index++
	}
	return true
}

// place takes a place among the outstanding requests, and waits for it if it has to.
func (r *openRun) place(ctx context.Context) bool {
	select {
	case r.places <- struct{}{}:
		return true
	default:
	}
	select {
	case r.places <- struct{}{}:
		r.freed = time.Now()
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// start runs one request, whose place has been taken, on a goroutine of its own.
func (r *openRun) start(ctx context.Context, slot Slot) {
	r.running.Go(func() {
		r.do(ctx, slot)
		r.mu.Lock()
		r.results[slot.Phase].Finished++
		r.mu.Unlock()
		<-r.places
	})
}
