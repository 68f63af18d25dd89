package telemetry

import "time"

// nextTick decides when to sample next: tick k is due at k*interval after the
// start. done is the tick just taken and elapsed the time since the start; ticks
// whose time has wholly passed meanwhile are missed, not made up for, since
// samples in a burst would say nothing new. A tick that is due this instant is
// taken.
func nextTick(done int64, elapsed, interval time.Duration) (next int64, missed int, wait time.Duration) {
	next = done + 1
	if due := int64((elapsed + interval - 1) / interval); due > next { // first due not before now
		missed = int(due - next)
		next = due
	}
	return next, missed, max(0, time.Duration(next)*interval-elapsed)
}
