package telemetry

import (
	"io"
	"os"
	"testing"
	"time"
)

// BenchmarkSampler takes ticks of this machine and this process, with its disks,
// one after another. cpu-% is the share of one core that sampling costs at the
// default interval of 200 ms; the scan for new processes, which comes each second,
// is in it as often as it is due.
//
//	go test -bench Sampler ./harness/telemetry
func BenchmarkSampler(b *testing.B) {
	cfg := DefaultConfig()
	cfg.PID, cfg.OffloadPath = os.Getpid(), os.TempDir()
	m := newMachine(b.Context(), cfg)
	var row []byte
	var n, ticksPerScan = 0, int(scanEvery / cfg.Interval)
	for b.Loop() {
		if n%ticksPerScan == 0 {
			m.server.nextScan = time.Time{}
		}
		n++
		var t Tick
		m.fill(b.Context(), &t)
		row = appendTick(row[:0], &t)
		_, _ = io.Discard.Write(row)
	}
	perTick := b.Elapsed() / time.Duration(n)
	b.ReportMetric(100*float64(perTick)/float64(cfg.Interval), "cpu-%")
}
