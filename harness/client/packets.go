package client

import "sync/atomic"

// boundary finds how many of n bytes belong to the first packet, where its first byte
// does and the last of n doesn't; same tells whether the last of m bytes still does.
// Packets of a stream are about equally long: guess is tried, and what lies near.
func boundary(n, guess int, same func(m int) bool) int {
	in, out := 1, n
	try := func(m int) {
		if m <= in || m >= out {
			return
		}
		if same(m) {
			in = m
		} else {
			out = m
		}
	}
	for step := 1; step <= 16; step *= 4 {
		try(guess - step)
		try(guess + step)
	}
	for out-in > 1 {
		try((in + out) / 2)
	}
	return in
}

const (
	apartWindow = int64(10_000_000) // ns
	apartMost   = 50                // in a window
)

// allowance limits how often packets are told apart: 5000 times a second, some 3 % of
// a core. A client that can't keep up reads several packets at once, which relieves
// it; telling all of them apart would make it later still.
type allowance struct {
	window, used atomic.Int64
}

// spend takes one at an instant; false: there is none left now. (Two callers at the
// turn of a window may both begin it: no harm.)
func (a *allowance) spend(now int64) bool {
	if w := now / apartWindow; a.window.Load() != w {
		a.window.Store(w)
		a.used.Store(0)
	}
	return a.used.Add(1) <= apartMost
}
