package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAlarmIsTheKernelsOnARealClockOnly(t *testing.T) {
	real := newAlarm()
	defer real.close()
	assert.IsType(t, &kernelAlarm{}, real)
	synctest.Test(t, func(t *testing.T) { assert.IsType(t, goTimers{}, newAlarm()) })
}

// Whatever the order in which they are asked for, all come, none too early.
func TestKernelAlarmWakesAllAndNeverEarly(t *testing.T) {
	a := newAlarm()
	defer a.close()
	begin := time.Now()
	src := rand.New(rand.NewPCG(1, 1))
	var all sync.WaitGroup
	for range 500 {
		at := begin.Add(time.Duration(src.Int64N(int64(100 * time.Millisecond)))) // some are over by then
		all.Go(func() {
			<-a.after(at)
			assert.False(t, time.Now().Before(at))
		})
	}
	all.Wait()
}

// A later request for an earlier instant is not held up by one that waits for long,
// nor by one that has left.
func TestKernelAlarmTakesTheEarliestFirst(t *testing.T) {
	a := newAlarm()
	defer a.close()
	far := a.after(time.Now().Add(time.Hour))
	_ = a.after(time.Now()) // nobody receives
	near := a.after(time.Now().Add(time.Millisecond))
	<-near
	select {
	case <-far:
		require.Fail(t, "an hour has not passed")
	default:
	}
}

// The whole generator on the real clock: never early, and none lost.
func TestOpenLoopOnTheRealClock(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]bool{}
	loop := OpenLoop{Cap: 1000, Phases: []Phase{{Requests: 200, Pacer: Poisson{Rate: 2000, Seed: 1}}}}
	results, err := loop.Run(t.Context(), func(_ context.Context, s Slot) {
		assert.False(t, time.Now().Before(s.Intended))
		mu.Lock()
		seen[s.Index] = true
		mu.Unlock()
	})
	require.NoError(t, err)
	assert.Len(t, seen, 200)
	assert.Equal(t, 200, results[0].Finished)
	assert.Zero(t, results[0].Unaccounted())
}
