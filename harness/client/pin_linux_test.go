package client

import (
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// pin keeps every thread of this process to one core; threads to come inherit it.
func pin(core int) {
	var set unix.CPUSet
	set.Set(core)
	affinity(&set)
}

func unpin() {
	var set unix.CPUSet
	for core := range runtime.NumCPU() {
		set.Set(core)
	}
	affinity(&set)
}

func affinity(set *unix.CPUSet) {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.SchedSetaffinity(id, set)
		}
	}
}

// cpuTime is the CPU time that this process has used, ns.
func cpuTime() int64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
