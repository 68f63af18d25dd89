package client

import (
	"sync"
	"sync/atomic"
	"time"
)

// clock gives instants: nanoseconds since the epoch, on the monotonic clock.
type clock struct{ epoch time.Time }

func (c clock) now() int64 { return int64(time.Since(c.epoch)) }

// both reads the monotonic and the wall clock at (nearly) the same instant.
func (c clock) both() (mono, wall int64) {
	t := time.Now()
	return int64(t.Sub(c.epoch)), t.UnixNano()
}

// arrival is an instant at which bytes arrived, and who took it.
type arrival struct {
	at     int64 // on the client's clock
	kernel bool  // else the clock was read after the read had returned
}

const (
	// remeasure is how often the offset between the clocks is measured anew.
	remeasure = int64(time.Second)
	// settle is how long after a step of the wall clock no kernel stamp is used: data
	// may lie unread that was stamped before the step.
	settle = int64(time.Second)
	// suspect is a difference of the clocks that asks for a measurement now. Below it
	// may be a thread that was stopped between two clock readings; a step that small
	// is found by the next regular measurement.
	suspect = int64(20 * time.Microsecond)
	// brackets is how many measurements the tightest is chosen from.
	brackets = 5
)

// wallClock converts instants of the kernel's wall clock into the client's. Both
// clocks are slewed alike, so their offset changes only where the wall clock is set.
// While one read's stamp is converted, the clocks as they stand after that read are
// compared with the offset: a step cannot slip in between.
type wallClock struct {
	both func() (mono, wall int64)

	offset   atomic.Int64 // wall - mono
	width    atomic.Int64 // the offset is known to so much
	measured atomic.Int64 // when, on the client's clock
	stepped  atomic.Int64 // when a step was last seen; far in the past: never

	mu sync.Mutex // measuring

	apart allowance

	kernel, user, discarded, steps atomic.Int64 // see Stamps
}

func newWallClock(both func() (mono, wall int64)) *wallClock {
	w := &wallClock{both: both}
	at, offset, width := w.bracket()
	w.offset.Store(offset)
	w.width.Store(width)
	w.measured.Store(at)
	w.stepped.Store(at - 2*settle)
	return w
}

// bracket measures the offset: wall between two readings of mono, the tightest of
// several. The offset is off by at most width.
func (w *wallClock) bracket() (at, offset, width int64) {
	width = 1 << 62
	before, _ := w.both()
	for range brackets {
		_, wall := w.both()
		after, _ := w.both()
		if d := after - before; d < width {
			width, offset, at = d, wall-before-d/2, after
		}
		before = after
	}
	return at, offset, width
}

// arrival is the instant of a read that brought data: the kernel's stamp of it
// (stamp, wall clock; 0: none) where it can be trusted, else now, the monotonic
// clock after the read; wall was read with it.
func (w *wallClock) arrival(stamp, now, wall int64) arrival {
	if stamp == 0 {
		w.user.Add(1)
		return arrival{at: now}
	}
	if d := wall - now - w.offset.Load(); d > suspect || d < -suspect || now-w.measured.Load() > remeasure {
		w.check(now)
	}
	at := stamp - w.offset.Load()
	if at > now && at-now <= w.width.Load() {
		at = now
	}
	if at > now || now-w.stepped.Load() < settle {
		w.discarded.Add(1)
		return arrival{at: now}
	}
	w.kernel.Add(1)
	return arrival{at: at, kernel: true}
}

// check measures the offset again. One that differs by more than the measurements can
// be off is a step of the wall clock.
func (w *wallClock) check(now int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, offset, width := w.bracket()
	old, known := w.offset.Load(), w.width.Load()
	d := offset - old
	switch {
	case d > width+known || d < -width-known:
		w.steps.Add(1)
		w.stepped.Store(max(at, now))
	case width > known:
		// No better than what we know; and a little worse from now on, so that an
		// offset that drifted after all is not held for ever.
		w.width.Store(known + known/8)
		w.measured.Store(at)
		return
	}
	w.offset.Store(offset)
	w.width.Store(width)
	w.measured.Store(at)
}

// Stamps counts the reads of a client by who took their instants.
type Stamps struct {
	Kernel    int64 // reads with the kernel's receive stamp
	User      int64 // reads without one: the clock after the read
	Discarded int64 // reads whose stamp was not used, near a step of the wall clock or outside what is possible; the clock after the read instead
	Steps     int64 // steps of the wall clock that were seen
}

// Stamps tells how the instants were taken since New.
func (c *Client) Stamps() Stamps {
	w := c.wall
	return Stamps{w.kernel.Load(), w.user.Load(), w.discarded.Load(), w.steps.Load()}
}

// Wall is the wall clock (Unix, ns) at an instant of a record, by the offset between
// the clocks as it stands. It is what a server on this host would have read then.
func (c *Client) Wall(at int64) int64 { return at + c.wall.offset.Load() }
