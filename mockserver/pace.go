package mockserver

import (
	"context"
	"time"
)

// tail is how long before a deadline the coarse timer hands over to the exact
// one. Go's timers may come a good millisecond late on an idle machine.
const tail = 1500 * time.Microsecond

// pacer waits for instants. The zero value is exact to some tens of
// microseconds where the system allows it.
type pacer struct {
	goTimers bool // time.Sleep only: needed on a fake clock
}

// until returns at the deadline, or earlier with the context's error. Deadlines
// are absolute, so lateness never adds up.
func (p pacer) until(ctx context.Context, deadline time.Time) error {
	coarse := time.Until(deadline)
	if !p.goTimers {
		coarse -= tail
	}
	if coarse > 0 {
		timer := time.NewTimer(coarse)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !p.goTimers {
		sleepExact(deadline)
	}
	return nil
}
