//go:build unix

package calibrate

import (
	"runtime"
	"syscall"
	"time"

	"aibench/harness/record"
)

// cpuTime is what this process has used of all cores; negative when unknown.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return -1
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func share(before, after, wall time.Duration) record.Opt[float64] {
	if before < 0 || after < 0 || wall <= 0 {
		return record.Opt[float64]{}
	}
	return record.Some(float64(after-before) / float64(wall) / float64(runtime.NumCPU()))
}
