// Package load decides WHEN requests start. It knows nothing of HTTP or of LLMs: it
// calls a function.
//
//  1. Describe the load: how many users, how many requests.
//  2. [Closed] starts each user on the next request as soon as the user's previous
//     one has ended, and returns when every request is accounted for.
//  3. Each call carries its [Slot]: the request's number, its user, and the instant
//     at which the schedule wanted it to start, so that time lost before the start
//     is seen as queue delay and not hidden.
package load

import (
	"context"
	"sync"
	"time"
)

// Slot is the schedule's word on one request.
type Slot struct {
	Index    int       // of the request, from 0; what is asked depends on it alone
	User     int       // who sends it, from 0
	Intended time.Time // when the schedule wanted it to start
}

// Closed runs a closed loop: users concurrent users take the requests 0..requests-1
// in order, each its next one when its last has ended. It returns the number of
// requests that were started; fewer than requests only when ctx ended. Every started
// request has returned by then.
//
// do must return when its context ends.
func Closed(ctx context.Context, users, requests int, do func(context.Context, Slot)) int {
	var (
		mu   sync.Mutex
		next int
		wg   sync.WaitGroup
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= requests || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	// One instant for all users: a user whose goroutine is scheduled late has a
	// queue delay, not a later intention.
	begin := time.Now()
	for u := range min(users, requests) {
		wg.Go(func() {
			intended := begin
			for {
				i, ok := take()
				if !ok {
					return
				}
				do(ctx, Slot{Index: i, User: u, Intended: intended})
				intended = time.Now()
			}
		})
	}
	wg.Wait()
	return next
}
