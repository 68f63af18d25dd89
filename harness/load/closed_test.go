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
