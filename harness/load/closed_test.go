package load

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ExampleClosed() {
	n := Closed(context.Background(), 1, 3, func(_ context.Context, s Slot) {
		fmt.Println("request", s.Index, "of user", s.User)
	})
	fmt.Println(n, "started")
	// Output:
	// request 0 of user 0
	// request 1 of user 0
	// request 2 of user 0
	// 3 started
}

// Two users, five requests of 10 ms each: starts at 0, 0, 10, 10, 20 ms, and never
// more than two at once.
func TestClosedKeepsUsersBusyAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		var starts []time.Duration
		var now, most int
		n := Closed(t.Context(), 2, 5, func(_ context.Context, s Slot) {
			mu.Lock()
			starts = append(starts, time.Since(begin))
			now++
			most = max(most, now)
			mu.Unlock()
			assert.Equal(t, time.Since(begin), s.Intended.Sub(begin), "no queue delay on a fake clock")
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
		})
		sort.Slice(starts, func(i, j int) bool { return starts[i] < starts[j] })
		ms := time.Millisecond
		require.Equal(t, []time.Duration{0, 0, 10 * ms, 10 * ms, 20 * ms}, starts)
		assert.Equal(t, 5, n)
		assert.Equal(t, 2, most)
		assert.Equal(t, 30*ms, time.Since(begin))
	})
}

func TestClosedGivesEachIndexOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]int{}
	n := Closed(t.Context(), 7, 100, func(_ context.Context, s Slot) {
		mu.Lock()
		seen[s.Index]++
		mu.Unlock()
	})
	assert.Equal(t, 100, n)
	assert.Len(t, seen, 100)
	for i, k := range seen {
		assert.Equal(t, 1, k, "index %d", i)
	}
}

// A cancelled loop accounts for what it started and starts nothing more.
func TestClosedStopsStartingWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Millisecond)
		defer cancel()
		calls := 0
		n := Closed(ctx, 1, 100, func(ctx context.Context, _ Slot) {
			calls++
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		})
		assert.Equal(t, 3, n)
		assert.Equal(t, 3, calls)
	})
}

func TestClosedMoreUsersThanRequests(t *testing.T) {
	users := map[int]bool{}
	var mu sync.Mutex
	n := Closed(t.Context(), 64, 2, func(_ context.Context, s Slot) {
		mu.Lock()
		users[s.User] = true
		mu.Unlock()
	})
	assert.Equal(t, 2, n)
	for u := range users {
		assert.Less(t, u, 2)
	}
}

// A user's next request is intended when its time to think is over, counted from the
// end of its last; turns are counted by user, so that a user is a session.
func TestClosedLoopThinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(100 * ms))
		think := func(user, turn int) time.Duration {
			return time.Duration(user)*sec + time.Duration(turn)*10*ms
		}
		results, err := ClosedLoop{Users: 2, Think: think, Phases: []Phase{{Counted: true, Requests: 6}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		assert.Equal(t, Result{Planned: 6, Started: 6, Finished: 6, Begin: b.begin, End: b.begin.Add(460 * ms)}, results[0])
		var byUser [2][]time.Duration
		for _, c := range b.byIndex(t) {
			assert.Equal(t, c.start, c.intended)
			assert.Equal(t, len(byUser[c.slot.User]), c.slot.Turn)
			byUser[c.slot.User] = append(byUser[c.slot.User], c.start)
		}
		assert.Equal(t, []time.Duration{0, 100 * ms, 210 * ms, 330 * ms, 460 * ms}[:len(byUser[0])], byUser[0])
		assert.Equal(t, []time.Duration{0}, byUser[1], "its second would have been at 1.1 s")
		assert.Equal(t, 560*ms, time.Since(b.begin), "nobody goes on thinking when all requests are taken")
	})
}

func TestClosedLoopTimesToThinkAreThoseOfTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(20 * ms))
		think := ThinkAround(100*ms, 9)
		_, err := ClosedLoop{Users: 5, Think: think, Phases: []Phase{{For: 10 * sec}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		ends := make([]time.Duration, 5)
		for _, c := range b.byIndex(t) {
			u := c.slot.User
			if c.slot.Turn > 0 {
				assert.Equal(t, ends[u]+think(u, c.slot.Turn-1), c.start)
			}
			ends[u] = c.start + 20*ms
		}
	})
}

// Four users arrive over 2 s, 500 ms apart, and stay; the phase that is counted
// begins when all are there, and requests of the ramp that last into it stay the
// ramp's.
func TestClosedLoopRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(400 * ms))
		loop := ClosedLoop{Users: 4, Ramp: 2 * sec, Phases: []Phase{{Name: "ramp", For: 2 * sec}, {Counted: true, For: 800 * ms}}}
		results, err := loop.Run(t.Context(), b.do)
		require.NoError(t, err)
		arrived := map[int]time.Duration{}
		for _, c := range b.byIndex(t) {
			if c.slot.Turn == 0 {
				arrived[c.slot.User] = c.start
			}
			assert.Equal(t, c.start >= 2*sec, c.slot.Counted)
			assert.Less(t, c.start, 2800*ms)
		}
		assert.Equal(t, map[int]time.Duration{0: 0, 1: 500 * ms, 2: sec, 3: 1500 * ms}, arrived)
		// User 0 at 0, 400, … 1600 | 2000, 2400; user 1 at 500 … 1700 | 2100, 2500; and so on.
		assert.Equal(t, []Result{
			{Planned: 14, Started: 14, Finished: 14, Begin: b.begin, End: b.begin.Add(2 * sec)},
			{Planned: 8, Started: 8, Finished: 8, Begin: b.begin.Add(2 * sec), End: b.begin.Add(2800 * ms)},
		}, results)
		assert.Equal(t, 3100*ms, time.Since(b.begin))
	})
}

// Three warm-ups, then the count: the phases share their users, and nobody waits for
// the last warm-up.
func TestClosedLoopWarmUpIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(func(s Slot) time.Duration { return 100*ms + time.Duration(s.User)*50*ms })
		loop := ClosedLoop{Users: 2, Phases: []Phase{{Name: "warm-up", Requests: 3}, {Counted: true, Requests: 4}}}
		results, err := loop.Run(t.Context(), b.do)
		require.NoError(t, err)
		calls := b.byIndex(t)
		assert.Equal(t, []time.Duration{0, 0, 100 * ms, 150 * ms, 200 * ms, 300 * ms, 300 * ms}, starts(calls))
		for i, c := range calls {
			assert.Equal(t, i >= 3, c.slot.Counted)
			assert.Equal(t, i%3+i/6*3, c.slot.Number)
		}
		assert.Equal(t, 100*ms, results[0].End.Sub(b.begin), "with the start of its last request")
		assert.Equal(t, results[0].End, results[1].Begin)
		assert.Equal(t, 300*ms, results[1].End.Sub(b.begin))
		assert.Equal(t, 4, results[1].Finished)
	})
}

// A phase that passes while all users are busy is empty, and the time of the next is
// not moved by it.
func TestClosedLoopPhaseWithoutAnyStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(sec))
		loop := ClosedLoop{Users: 1, Phases: []Phase{{For: 100 * ms}, {For: 200 * ms}, {For: 1500 * ms}}}
		results, err := loop.Run(t.Context(), b.do)
		require.NoError(t, err)
		at := b.begin.Add
		assert.Equal(t, []Result{
			{Planned: 1, Started: 1, Finished: 1, Begin: at(0), End: at(100 * ms)},
			{Begin: at(100 * ms), End: at(300 * ms)},
			{Planned: 1, Started: 1, Finished: 1, Begin: at(300 * ms), End: at(1800 * ms)},
		}, results)
	})
}

// Whoever would think beyond the end leaves at once; the account is closed all the
// same.
func TestClosedLoopEndsBeforeALongThought(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(100 * ms))
		results, err := ClosedLoop{Users: 3, Think: ThinkFor(time.Hour), Phases: []Phase{{For: sec}, {For: sec}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		assert.Equal(t, []Result{
			{Planned: 3, Started: 3, Finished: 3, Begin: b.begin, End: b.begin.Add(sec)},
			{Begin: b.begin.Add(sec), End: b.begin.Add(2 * sec)},
		}, results)
		assert.Equal(t, 100*ms, time.Since(b.begin))
	})
}

// Canceled while one user thinks and one waits for its answer.
func TestClosedLoopAccountsForEverythingWhenCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*ms)
		defer cancel()
		b := newBook(func(s Slot) time.Duration { return 100*ms + time.Duration(s.User)*sec })
		loop := ClosedLoop{Users: 2, Think: ThinkFor(300 * ms), Phases: []Phase{{Requests: 10}, {For: sec}, {Requests: 5}}}
		results, err := loop.Run(ctx, b.do)
		require.NoError(t, err)
		assert.Equal(t, []Result{
			{Planned: 10, Started: 2, Finished: 2, Canceled: 8, Cut: true, Begin: b.begin},
			{Cut: true},
			{Planned: 5, Canceled: 5, Cut: true},
		}, results)
		assert.Equal(t, 250*ms, time.Since(b.begin))
	})
}

func TestClosedLoopRefusesWhatHasNoMeaning(t *testing.T) {
	warm, main := Phase{For: sec}, Phase{Counted: true, For: sec}
	late := "load: ramp: users arrive over 2s: want a first phase that is not counted and takes at least that time"
	for name, c := range map[string]struct {
		loop ClosedLoop
		want string
	}{
		"no users":         {ClosedLoop{Phases: []Phase{main}}, "load: want at least 1 user, have 0"},
		"no phase":         {ClosedLoop{Users: 1}, "load: want at least one phase"},
		"no end":           {ClosedLoop{Users: 1, Phases: []Phase{{Name: "x"}}}, `load: phase 0 "x": has no end: want a time or a number of requests`},
		"a pacer":          {ClosedLoop{Users: 1, Phases: []Phase{{For: sec, Pacer: Constant{Rate: 1}}}}, `load: phase 0 "": a closed loop has no pacer: its users set the pace`},
		"negative ramp":    {ClosedLoop{Users: 1, Ramp: -1, Phases: []Phase{main}}, "load: ramp: want a time of at least 0, have -1ns"},
		"ramp is counted":  {ClosedLoop{Users: 1, Ramp: 2 * sec, Phases: []Phase{{Counted: true, For: 3 * sec}}}, late},
		"ramp is too long": {ClosedLoop{Users: 1, Ramp: 2 * sec, Phases: []Phase{warm, main}}, late},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.loop.Run(t.Context(), func(context.Context, Slot) { t.Error("started") })
			assert.EqualError(t, err, c.want)
		})
	}
}

// The law on a loop that is known to keep it: 4 users, 100 ms a request and 150 ms to
// think, over 10 s, are 4 in flight or in thought.
func TestClosedLoopKeepsLittlesLaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(always(100 * ms))
		results, err := ClosedLoop{Users: 4, Think: ThinkFor(150 * ms), Phases: []Phase{{For: 10 * sec}}}.Run(t.Context(), b.do)
		require.NoError(t, err)
		rate := float64(results[0].Finished) / results[0].End.Sub(results[0].Begin).Seconds()
		deviation, ok := LittlesLaw(4, rate, 250*ms)
		assert.True(t, ok)
		assert.InDelta(t, 0, deviation, 1e-9)
		deviation, _ = LittlesLaw(4, rate, 100*ms)
		assert.InDelta(t, -0.6, deviation, 1e-9, "the time to think is part of the law")
	})
}

func TestClosedStartsNothingWithoutUsersOrRequests(t *testing.T) {
	for _, c := range [][2]int{{0, 5}, {5, 0}, {-1, 5}, {5, -1}} {
		assert.Zero(t, Closed(t.Context(), c[0], c[1], func(context.Context, Slot) { t.Error("started") }))
	}
}
