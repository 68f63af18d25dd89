//go:build !linux

package telemetry

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/process"

	"aibench/harness/record"
)

// paging has no figures here.
type paging struct{}

func (paging) fill(context.Context, *Tick) {}

func (paging) notes() []note {
	return []note{{"faults and swap traffic", "absent: not read on " + runtime.GOOS}}
}

// disks counts all disks together; the tier-3 device is not told apart here.
type disks struct {
	offload     string
	read, write map[string]*since
	text        string
}

func (d *disks) find(_ context.Context, offload string) {
	d.offload = offload
	d.read, d.write = map[string]*since{}, map[string]*since{}
}

func (d *disks) fill(ctx context.Context, t *Tick) {
	counters, err := disk.IOCountersWithContext(ctx)
	if err == nil && len(counters) == 0 {
		err = fmt.Errorf("no figures on %s", runtime.GOOS)
	}
	if err != nil {
		d.text = reason(err)
		return
	}
	d.text = "gopsutil"
	for name, c := range counters {
		if d.read[name] == nil {
			d.read[name], d.write[name] = &since{}, &since{}
		}
		t.DiskRead = plus(t.DiskRead, d.read[name].count(int64(c.ReadBytes)))
		t.DiskWrite = plus(t.DiskWrite, d.write[name].count(int64(c.WriteBytes)))
	}
}

func (d *disks) notes() []note {
	tier3 := ""
	if d.offload != "" {
		tier3 = "absent: the device of a path is not found on " + runtime.GOOS
	}
	return []note{{"disks", d.text}, {"tier 3", tier3}}
}

// server asks gopsutil for each process of the tree, not more often than slowly.
type server struct {
	serverCounts
	next time.Time
}

func (s *server) fill(ctx context.Context, t *Tick, pid int) {
	changed := s.change(pid)
	if !changed && time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(slowly)
	root, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		s.rssText = reason(err)
		return
	}
	var rss, read, written record.Opt[int64]
	for _, p := range withChildren(ctx, root) {
		if m, err := p.MemoryInfoWithContext(ctx); err == nil {
			rss = plus(rss, record.Some(int64(m.RSS)))
			s.rssText = "gopsutil, summed over its process tree"
		}
		if c, err := p.IOCountersWithContext(ctx); err == nil {
			read = plus(read, record.Some(int64(c.ReadBytes)))
			written = plus(written, record.Some(int64(c.WriteBytes)))
			s.ioText = "gopsutil, summed over its process tree; bytes asked for, from disk or not"
		} else {
			s.ioText = reason(err)
		}
	}
	s.put(t, rss, read, written)
}

func withChildren(ctx context.Context, p *process.Process) []*process.Process {
	all := []*process.Process{p}
	children, err := p.ChildrenWithContext(ctx)
	if err != nil {
		return all
	}
	for _, c := range children {
		all = append(all, withChildren(ctx, c)...)
	}
	return all
}
