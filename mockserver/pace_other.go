//go:build !linux

package mockserver

import "time"

// sleepExact sleeps with Go's timer: as exact as the system is.
func sleepExact(deadline time.Time) { time.Sleep(time.Until(deadline)) }
