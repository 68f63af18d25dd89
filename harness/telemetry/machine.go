package telemetry

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/mem"

	"aibench/harness/record"
)

// machine is the prober of this machine: each source fills its own cells and
// keeps a note on where they come from or why they are absent.
type machine struct {
	pid    atomic.Int64 // root of the server's process tree; 0: not known
	cpu    cpuTimes
	memory memory
	paging paging
	disks  disks
	server server
}

func newMachine(ctx context.Context, cfg Config) *machine {
	m := &machine{}
	m.pid.Store(int64(cfg.PID))
	m.disks.find(ctx, cfg.OffloadPath)
	return m
}

func (m *machine) watch(pid int) { m.pid.Store(int64(pid)) }

func (m *machine) fill(ctx context.Context, t *Tick) {
	m.cpu.fill(ctx, t)
	m.memory.fill(ctx, t)
	m.paging.fill(ctx, t)
	m.disks.fill(ctx, t)
	if pid := int(m.pid.Load()); pid > 0 {
		m.server.fill(ctx, t, pid)
	}
}

func (m *machine) sources() []string {
	var lines []string
	for _, notes := range [][]note{m.cpu.notes(), m.memory.notes(), m.paging.notes(), m.disks.notes(), m.server.notes()} {
		for _, n := range notes {
			if n.text != "" {
				lines = append(lines, n.source+": "+n.text)
			}
		}
	}
	return lines
}

// note is what is to be said of one source in the summary; "" is nothing.
type note struct{ source, text string }

// reason words why a source has no figures.
func reason(err error) string { return "absent: " + err.Error() }

// plus adds what is present; absent only where neither is.
func plus(a, b record.Opt[int64]) record.Opt[int64] {
	if !a.Has() {
		return b
	}
	return record.Some(a.Or(0) + b.Or(0))
}

// since counts a kernel counter from its first reading in this session.
type since struct {
	first int64
	begun bool
}

func (s *since) count(now int64) record.Opt[int64] {
	if !s.begun {
		s.first, s.begun = now, true
	}
	return record.Some(now - s.first)
}

// cpuTimes is the share of all cores that was busy. Waiting for a disk counts as
// idle, time that a hypervisor took away as busy.
type cpuTimes struct {
	total, idle float64 // seconds at the tick before
	begun       bool
	text        string
}

func (c *cpuTimes) fill(ctx context.Context, t *Tick) {
	times, err := cpu.TimesWithContext(ctx, false)
	if err == nil && len(times) == 0 {
		err = fmt.Errorf("no figures on %s", runtime.GOOS)
	}
	if err != nil {
		c.text = reason(err)
		return
	}
	c.text = "gopsutil"
	s := times[0]
	idle := s.Idle + s.Iowait
	total := idle + s.User + s.Nice + s.System + s.Irq + s.Softirq + s.Steal
	if c.begun && total > c.total {
		// The kernel's iowait may run backwards, hence the bounds.
		t.CPU = record.Some(min(1, max(0, 1-(idle-c.idle)/(total-c.total))))
	}
	c.total, c.idle, c.begun = total, idle, true
}

func (c *cpuTimes) notes() []note { return []note{{"cpu", c.text}} }

// memory is what the system says of RAM and swap.
type memory struct {
	next time.Time // not to be asked before
	text string
}

// slowly bounds how often a system is asked where each answer starts a program
// (vm_stat, ps, pgrep); the ticks between have empty cells.
const slowly = time.Second

func (m *memory) fill(ctx context.Context, t *Tick) {
	if runtime.GOOS == "darwin" {
		if time.Now().Before(m.next) {
			return
		}
		m.next = time.Now().Add(slowly)
	}
	vm, err := mem.VirtualMemoryWithContext(ctx)
	if err == nil && vm.Total == 0 { // gopsutil hides that it could not read
		err = fmt.Errorf("no figures on %s", runtime.GOOS)
	}
	if err != nil {
		m.text = reason(err)
		return
	}
	m.text = "gopsutil"
	t.RAMTotal = record.Some(int64(vm.Total))
	t.RAMUsed = record.Some(int64(vm.Used))
	t.RAMAvailable = record.Some(int64(vm.Available))
	if runtime.GOOS == "linux" {
		t.RAMCached = record.Some(int64(vm.Cached))
		t.SwapUsed = record.Some(int64(vm.SwapTotal - vm.SwapFree))
		return
	}
	if swap, err := mem.SwapMemoryWithContext(ctx); err == nil {
		t.SwapUsed = record.Some(int64(swap.Used))
	}
}

func (m *memory) notes() []note { return []note{{"ram", m.text}} }
