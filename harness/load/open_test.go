package load

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call is what one call of the function saw, instants from the begin of the run.
type call struct {
	slot            Slot
	intended, start time.Duration
}

// book records calls, each of which takes takes(slot), or less if ctx ends. Make it
// where the run begins.
type book struct {
	begin time.Time
	takes func(Slot) time.Duration
	mu    sync.Mutex
	calls []call
	now   int
	most  int // at one time
}

func newBook(takes func(Slot) time.Duration) *book { return &book{begin: time.Now(), takes: takes} }

func always(d time.Duration) func(Slot) time.Duration {
	return func(Slot) time.Duration { return d }
}

func (b *book) do(ctx context.Context, s Slot) {
	b.mu.Lock()
	b.calls = append(b.calls, call{s, s.Intended.Sub(b.begin), time.Since(b.begin)})
	b.now++
	b.most = max(b.most, b.now)
	b.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(b.takes(s)):
	}
	b.mu.Lock()
	b.now--
	b.mu.Unlock()
}

// byIndex returns the calls in order; each index there exactly once.
func (b *book) byIndex(t *testing.T) []call {
	t.Helper()
	slices.SortFunc(b.calls, func(x, y call) int { return x.slot.Index - y.slot.Index })
	for i, c := range b.calls {
		require.Equal(t, i, c.slot.Index)
	}
	return b.calls
}

func starts(calls []call) (all []time.Duration) {
	for _, c := range calls {
		all = append(all, c.start)
	}
	return all
}

func intentions(calls []call) (all []time.Duration) {
	for _, c := range calls {
		all = append(all, c.intended)
	}
	return all
}

// Answers take a second, requests are due every 100 ms: nothing waits for anything.
func TestOpenLoopKeepsItsScheduleWhenAnswersAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(sec))
		results, err := OpenLoop{Cap: 100, Phases: []Phase{{Counted: true, For: 5 * sec, Pacer: Constant{Rate: 10}}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		calls := b.byIndex(t)
		require.Len(t, calls, 50)
		for i, c := range calls {
			assert.Equal(t, time.Duration(i)*100*ms, c.start)
			assert.Equal(t, c.start, c.intended)
			assert.Equal(t, Slot{Index: i, Number: i, User: i, Counted: true, Intended: c.slot.Intended}, c.slot)
		}
		assert.Equal(t, []Result{{Planned: 50, Started: 50, Finished: 50, Begin: b.begin, End: b.begin.Add(5 * sec)}}, results)
		assert.Equal(t, 5900*ms, time.Since(b.begin), "waits for the last answer")
	})
}

func TestOpenLoopStartsAtThePacersInstants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(50 * ms))
		p := Poisson{Rate: 500, Seed: 1}
		_, err := OpenLoop{Cap: 1000, Phases: []Phase{{Requests: 1000, Pacer: p}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		assert.Equal(t, first(1000, p.Due()), starts(b.byIndex(t)))
	})
}

// Two places, 25 ms a request, one due every 10 ms: the third starts when the first
// ends, the fourth when the second does, and so on. Each delay is exact, and the
// intention stays where the schedule had it.
func TestOpenLoopAtItsCapStartsLateAndDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(25 * ms))
		results, err := OpenLoop{Cap: 2, Phases: []Phase{{For: 60 * ms, Pacer: Constant{Rate: 100}}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		calls := b.byIndex(t)
		assert.Equal(t, []time.Duration{0, 10 * ms, 20 * ms, 30 * ms, 40 * ms, 50 * ms}, intentions(calls))
		assert.Equal(t, []time.Duration{0, 10 * ms, 25 * ms, 35 * ms, 50 * ms, 60 * ms}, starts(calls))
		for i, c := range calls {
			assert.Equal(t, i >= 2, c.slot.Held, "request %d", i)
		}
		assert.Equal(t, 2, b.most)
		assert.Equal(t, 6, results[0].Finished)
		assert.Equal(t, 4, results[0].CapReached)
		assert.Zero(t, results[0].Unaccounted())
	})
}

// Two places become free at one instant: the request behind the one that waited gets
// its place at once, but it is late for the same reason. Later ones are on time.
func TestOpenLoopMarksTheWholeQueueBehindTheCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Both of the first end at 35 ms; the others are short.
		b := newBook(func(s Slot) time.Duration {
			return []time.Duration{35 * ms, 25 * ms, ms, ms, ms, ms}[s.Index]
		})
		_, err := OpenLoop{Cap: 2, Phases: []Phase{{Requests: 6, Pacer: Constant{Rate: 100}}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		calls := b.byIndex(t)
		assert.Equal(t, []time.Duration{0, 10 * ms, 35 * ms, 35 * ms, 40 * ms, 50 * ms}, starts(calls))
		var held []bool
		for _, c := range calls {
			held = append(held, c.slot.Held)
		}
		assert.Equal(t, []bool{false, false, true, true, false, false}, held)
	})
}

// A ramp, a warm-up bounded by number and the measured phase, without a pause: each
// begins where the last ends by the schedule.
func TestOpenLoopPhasesFollowWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(300 * ms))
		loop := OpenLoop{Cap: 100, Phases: []Phase{
			{Name: "ramp", For: 2 * sec, Pacer: Ramp{To: 4, Over: 2 * sec}},
			{Name: "warm-up", Requests: 4, Pacer: Constant{Rate: 4}},
			{Name: "measured", Counted: true, For: sec, Pacer: Constant{Rate: 2}},
		}}
		results, err := loop.Run(t.Context(), b.do)
		require.NoError(t, err)
		at := b.begin.Add
		assert.Equal(t, []Result{
			{Planned: 4, Started: 4, Finished: 4, Begin: at(0), End: at(2 * sec)},
			{Planned: 4, Started: 4, Finished: 4, Begin: at(2 * sec), End: at(3 * sec)},
			{Planned: 2, Started: 2, Finished: 2, Begin: at(3 * sec), End: at(4 * sec)},
		}, results)
		calls := b.byIndex(t)
		assert.Equal(t, []time.Duration{0, sec, 1414213562, 1732050808, 2000 * ms, 2250 * ms, 2500 * ms, 2750 * ms, 3000 * ms, 3500 * ms}, starts(calls))
		for i, c := range calls {
			phase := min(i/4, 2)
			assert.Equal(t, phase, c.slot.Phase)
			assert.Equal(t, i-4*phase, c.slot.Number)
			assert.Equal(t, phase == 2, c.slot.Counted)
		}
	})
}

// The context ends at 250 ms: what runs is told and waited for, the rest canceled, in
// this phase and in those that never began.
func TestOpenLoopAccountsForEverythingWhenCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*ms)
		defer cancel()
		b := newBook(always(sec))
		phase := Phase{For: sec, Pacer: Constant{Rate: 10}}
		results, err := OpenLoop{Cap: 100, Phases: []Phase{phase, phase}}.Run(ctx, b.do)
		require.NoError(t, err)
		assert.Equal(t, []Result{
			{Planned: 10, Started: 3, Finished: 3, Canceled: 7, Cut: true, Begin: b.begin},
			{Planned: 10, Canceled: 10, Cut: true},
		}, results)
		assert.Equal(t, 250*ms, time.Since(b.begin))
		assert.Zero(t, b.now, "nothing runs any more")
	})
}

// The loop waits for what is running even if that takes no notice of the context.
func TestOpenLoopWaitsForTheRunningOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*ms)
		defer cancel()
		begin := time.Now()
		results, err := OpenLoop{Cap: 9, Phases: []Phase{{Requests: 9, Pacer: Constant{Rate: 10}}}}.Run(ctx, func(context.Context, Slot) { time.Sleep(sec) })
		require.NoError(t, err)
		assert.Equal(t, 2, results[0].Finished)
		assert.Equal(t, 7, results[0].Canceled)
		assert.Equal(t, 1100*ms, time.Since(begin))
	})
}

func TestOpenLoopCanceledWhileAtItsCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*ms)
		defer cancel()
		b := newBook(always(sec))
		results, err := OpenLoop{Cap: 1, Phases: []Phase{{Requests: 5, Pacer: Constant{Rate: 10}}}}.Run(ctx, b.do)
		require.NoError(t, err)
		assert.Equal(t, []Result{{Planned: 5, Started: 1, Finished: 1, Canceled: 4, Cut: true, Begin: b.begin}}, results)
	})
}

func TestOpenLoopWithAnEndedContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := OpenLoop{Cap: 1, Phases: []Phase{{Requests: 5, Pacer: Constant{Rate: 10}}}}.Run(ctx, func(context.Context, Slot) { t.Error("started") })
	require.NoError(t, err)
	assert.Equal(t, []Result{{Planned: 5, Canceled: 5, Cut: true}}, results)
}

func TestOpenLoopRefusesWhatHasNoMeaning(t *testing.T) {
	good := Phase{Name: "main", For: sec, Pacer: Constant{Rate: 1}}
	for want, l := range map[string]OpenLoop{
		"load: want a cap of at least 1 outstanding request, have 0":                        {Phases: []Phase{good}},
		"load: want at least one phase":                                                     {Cap: 1},
		`load: phase 1 "": has no end: want a time or a number of requests`:                 {Cap: 1, Phases: []Phase{good, {Pacer: Constant{Rate: 1}}}},
		`load: phase 0 "": an open loop wants a pacer`:                                      {Cap: 1, Phases: []Phase{{For: sec}}},
		`load: phase 0 "": want a time of at least 0, have -1s`:                             {Cap: 1, Phases: []Phase{{For: -sec}}},
		`load: phase 0 "": want a number of requests of at least 0, have -1`:                {Cap: 1, Phases: []Phase{{Requests: -1}}},
		`load: phase 0 "x": constant rate: want 1e-06 to 1e+06 requests per second, have 0`: {Cap: 1, Phases: []Phase{{Name: "x", For: sec, Pacer: Constant{}}}},
	} {
		_, err := l.Run(t.Context(), func(context.Context, Slot) { t.Error("started") })
		assert.EqualError(t, err, want)
	}
}
