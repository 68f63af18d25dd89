// Package telemetry records what the machine did while requests were measured:
// CPU, memory, swap, disks, the offload (tier-3) device and the server's own
// processes, one row a tick, on the clock of the run.
//
// The way through it:
//
//  1. [Start] takes a writer (metrics_{stage}.csv), the epoch of the run's clock,
//     the number of the session within the stage, and a [Config] with the
//     server's process id and the offload path.
//  2. A goroutine of its own samples each Interval and writes whole lines each
//     second; the measurement never waits for it. A server that was restarted is
//     told to it by [Sampler.Watch].
//  3. [Sampler.Stop] writes the rest and returns the [Summary]: ticks, missed
//     ticks, and a line a source saying where its figures come from, or why there
//     are none.
//  4. [ReadCSV] gives the [Tick]s back, of all sessions of the stage.
//
// Each figure is had or absent on its own. Absent is an empty cell, never 0: a
// machine without a readable counter has not read 0 bytes. What isn't sampled
// here yet (GPUs, power, temperatures, the server's /metrics) has no column and
// no line in the summary, since nobody looked.
//
// # Where figures come from
//
// CPU and memory come from gopsutil on every system. On Linux the rest is read
// from few files, since gopsutil's own way to a process's children starts a
// program (pgrep) and its disk counters look into udev's data for each disk;
// both cost more than the whole tick may. On other systems disks and the server
// come from gopsutil.
package telemetry
