//go:build !linux

package client

func pin(int) {}
func unpin()  {}

// cpuTime is not known here: the benchmarks of cost skip.
func cpuTime() int64 { return 0 }
