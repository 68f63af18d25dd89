package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"aibench/harness/record"
)

// sectorSize is the unit of /proc/diskstats on every disk, whatever its own
// sectors are.
const sectorSize = 512

// disks counts the traffic of the physical disks, and of the tier-3 device among
// them. Loop, RAM, zram and mapped devices are no disks: their traffic is none,
// or is counted again at the disk below.
type disks struct {
	file      slurp
	physical  []*disk
	tier3     *disk
	diskText  string
	tier3Text string
}

// disk is one row of diskstats. One that was removed keeps its last counts.
type disk struct {
	name         string
	major, minor int64 // asked instead of the name where it is ""
	read, write  since
	r, w         record.Opt[int64]
}

func (d *disks) find(ctx context.Context, offload string) {
	entries, err := os.ReadDir(hostSys(ctx, "block"))
	for _, e := range entries {
		if _, err := os.Stat(hostSys(ctx, "block", e.Name(), "device")); err == nil {
			d.physical = append(d.physical, &disk{name: e.Name()})
		}
	}
	switch {
	case err != nil:
		d.diskText = reason(err)
	case len(d.physical) == 0:
		d.diskText = reason(errors.New("no physical disk in " + hostSys(ctx, "block")))
	}
	if offload == "" {
		return
	}
	if d.tier3, d.tier3Text, err = findTier3(ctx, offload); err != nil {
		d.tier3Text = reason(err)
	}
}

func (d *disks) fill(ctx context.Context, t *Tick) {
	if len(d.physical) == 0 && d.tier3 == nil {
		return
	}
	b, err := d.file.read(hostProc(ctx, "diskstats"))
	if err != nil {
		d.diskText = reason(err)
		if d.tier3 != nil {
			d.tier3Text = reason(err)
		}
		return
	}
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		d.row(line)
	}
	for _, p := range d.physical {
		t.DiskRead = plus(t.DiskRead, p.r)
		t.DiskWrite = plus(t.DiskWrite, p.w)
	}
	if t.DiskRead.Has() {
		d.diskText = "/proc/diskstats:"
		for _, p := range d.physical {
			d.diskText += " " + p.name
		}
	}
	if d.tier3 != nil {
		t.Tier3Read, t.Tier3Write = d.tier3.r, d.tier3.w
	}
}

// row takes a line "major minor name reads merged sectors ms writes merged
// sectors ...".
func (d *disks) row(line []byte) {
	major, rest, _ := number(line)
	minor, rest, ok := number(rest)
	name, rest := word(rest)
	if !ok {
		return
	}
	if d.tier3 != nil && d.tier3.is(name, major, minor) {
		d.tier3.take(rest)
	}
	for _, p := range d.physical {
		if p.is(name, major, minor) {
			p.take(rest)
			return
		}
	}
}

func (k *disk) is(name []byte, major, minor int64) bool {
	if k.name != "" {
		return string(name) == k.name
	}
	return major == k.major && minor == k.minor
}

func (k *disk) take(counters []byte) {
	var c [7]int64
	for i := range c {
		var ok bool
		if c[i], counters, ok = number(counters); !ok {
			return
		}
	}
	k.r, k.w = k.read.count(c[2]*sectorSize), k.write.count(c[6]*sectorSize)
}

func (d *disks) notes() []note {
	if d.tier3 != nil && !d.tier3.r.Has() && d.tier3Text != "" {
		return []note{{"disks", d.diskText}, {"tier 3", d.tier3Text + " (no counters seen)"}}
	}
	return []note{{"disks", d.diskText}, {"tier 3", d.tier3Text}}
}

// findTier3 finds the block device of the file system that holds path.
func findTier3(ctx context.Context, path string) (*disk, string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	missing := ""
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	} else if errors.Is(err, os.ErrNotExist) {
		missing = "; the path does not exist yet"
	}
	info, err := os.ReadFile(hostProc(ctx, "self", "mountinfo"))
	if err != nil {
		return nil, "", err
	}
	m, ok := mountOf(abs, string(info))
	if !ok {
		return nil, "", fmt.Errorf("no mount point holds %s", abs)
	}
	shared := ""
	if m.point == "/" {
		shared = "; it holds the system as well, whose traffic is among the figures"
	}
	k := &disk{major: m.major, minor: m.minor}
	label := fmt.Sprintf("%d:%d", m.major, m.minor)
	if m.major == 0 { // btrfs and others hide their device behind an anonymous number
		if filepath.Dir(m.source) == "/" || !filepath.IsAbs(m.source) {
			return nil, "", fmt.Errorf("%s is on %s (%s), which has no block device of its own", abs, m.point, m.fstype)
		}
		source := m.source
		if real, err := filepath.EvalSymlinks(source); err == nil {
			source = real
		}
		k.name, label = filepath.Base(source), filepath.Base(source)
	}
	return k, fmt.Sprintf("/proc/diskstats: device %s (%s, %s at %s)%s%s", label, m.source, m.fstype, m.point, shared, missing), nil
}
