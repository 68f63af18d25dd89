package load

import (
	"math/rand/v2"
	"time"
)

// Think says how long a user of a closed loop waits between the end of its request
// number turn, from 0, and the next. A time of 0 or less is none. It is called on the
// user's goroutine.
type Think func(user, turn int) time.Duration

// ThinkFor is the same time for all.
func ThinkFor(d time.Duration) Think {
	return func(int, int) time.Duration { return d }
}

// ThinkAround is exponentially distributed around the mean, as in queueing theory's
// model of people at terminals. The time depends on the seed, the user and the turn,
// not on who came first.
func ThinkAround(mean time.Duration, seed uint64) Think {
	return func(user, turn int) time.Duration {
		draws := rand.NewPCG(seed^thinkStream, uint64(user)<<32|uint64(uint32(turn)))
		draws.Uint64() // neighbouring seeds differ more from the second draw on
		return time.Duration(float64(mean) * exponential(draws))
	}
}
