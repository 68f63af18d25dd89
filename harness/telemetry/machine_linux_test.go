package telemetry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// recorded is a context in which the machine is that of testdata: proc is
// "before" or "after".
func recorded(ctx context.Context, proc string) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: filepath.Join("testdata", proc),
		common.HostSysEnvKey:  filepath.Join("testdata", "sys"),
	})
}

func some(n int64) record.Opt[int64] { return record.Some(n) }

const KiB = 1 << 10

func TestRecordedMachine(t *testing.T) {
	page := int64(os.Getpagesize())
	synctest.Test(t, func(t *testing.T) {
		before, after := recorded(t.Context(), "before"), recorded(t.Context(), "after")
		m := newMachine(before, Config{PID: 200, OffloadPath: "/mnt/aidaptiv cache/kv"})
		var a, b Tick
		m.fill(before, &a)
		time.Sleep(scanEvery)
		m.fill(after, &b)

		assert.Equal(t, Tick{ // CPU is absent: there was no tick before
			RAMTotal: some(16384000 * KiB), RAMUsed: some((16384000 - 2000000 - 100000 - 6200000) * KiB),
			RAMAvailable: some(9000000 * KiB), RAMCached: some(6200000 * KiB),
			SwapUsed: some(0), SwapIn: some(0), SwapOut: some(0), MajorFaults: some(0),
			DiskRead: some(0), DiskWrite: some(0), Tier3Read: some(0), Tier3Write: some(0),
			ServerRSS:  some((1000 + 300 + 30) * page), // 200, its child 201, its grandchild 202
			ServerRead: some(0), ServerWritten: some(0),
		}, a)

		cpu, _ := b.CPU.Get()
		assert.InDelta(t, 0.5, cpu, 1e-9, "50 of 100 jiffies neither idle nor waiting")
		b.CPU = record.Opt[float64]{}
		assert.Equal(t, Tick{
			RAMTotal: some(16384000 * KiB), RAMUsed: some((16384000 - 1000000 - 100000 - 1200000) * KiB),
			RAMAvailable: some(3000000 * KiB), RAMCached: some(1200000 * KiB),
			SwapUsed: some(4096000 * KiB), SwapIn: some(100 * page), SwapOut: some(1000 * page), MajorFaults: some(40),
			DiskRead:  some((600 + 20000) * 512), // nvme0n1 and nvme1n1; sda is gone, partitions, loop, zram, dm don't count
			DiskWrite: some((100 + 40000) * 512), Tier3Read: some(20000 * 512), Tier3Write: some(40000 * 512),
			ServerRSS:     some((1500 + 40 + 7 + 70) * page),                // 201 has ended, 202 is an orphan, 204 its child, 203 that one's
			ServerRead:    some((104096 + 0 + 1000 + 0) - (4096 + 100 + 0)), // as the tree has it now, less what it had
			ServerWritten: some((108192 + 5 + 0 + 2) - (8192 + 0 + 1)),
		}, b)

		time.Sleep(scanEvery)
		var c Tick
		m.fill(after, &c)
		assert.False(t, c.CPU.Has(), "no time has passed for the CPUs")
		assert.Equal(t, b, c, "another scan counts nothing twice")

		assert.Equal(t, []string{
			"cpu: gopsutil",
			"ram: gopsutil",
			"faults and swap traffic: /proc/vmstat",
			"disks: /proc/diskstats: nvme0n1 nvme1n1 sda",
			"tier 3: /proc/diskstats: device 259:1 (/dev/nvme1n1, xfs at /mnt/aidaptiv cache); the path does not exist yet",
			"server pid 200 memory: /proc/PID/statm, summed over its process tree",
			"server pid 200 disk traffic: /proc/PID/io, summed over its process tree",
		}, m.sources())
	})
}

// A server that was restarted goes on counting: all that the new process moved
// belongs to the session.
func TestRestartedServer(t *testing.T) {
	ctx := recorded(t.Context(), "before")
	m := newMachine(ctx, Config{PID: 300})
	var a, b, c Tick
	m.fill(ctx, &a)
	assert.Equal(t, some(0), a.ServerRead)
	m.watch(200)
	m.fill(ctx, &b)
	assert.Equal(t, some(4096+100), b.ServerRead)
	assert.Equal(t, some(8192+1), b.ServerWritten)
	m.watch(201)
	m.fill(ctx, &c)
	assert.Equal(t, some(4196+100), c.ServerRead)
}

func TestAbsentIsNotZero(t *testing.T) {
	empty := context.WithValue(t.Context(), common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: t.TempDir(), common.HostSysEnvKey: t.TempDir(),
	})
	m := newMachine(empty, Config{PID: 200, OffloadPath: "/mnt/x"})
	var k Tick
	m.fill(empty, &k)
	m.fill(empty, &k)
	assert.Equal(t, Tick{}, k)
	for _, line := range m.sources() {
		assert.Contains(t, line, "absent: ")
	}
	assert.Len(t, m.sources(), 6)
}

// One process of the tree whose traffic may not be read makes the sum unknown.
func TestUnreadableTraffic(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("testdata/before")))
	require.NoError(t, os.Remove(filepath.Join(root, "201", "io")))
	require.NoError(t, os.Mkdir(filepath.Join(root, "201", "io"), 0o755)) // reading it fails, also for root
	ctx := context.WithValue(t.Context(), common.EnvKey, common.EnvMap{common.HostProcEnvKey: root, common.HostSysEnvKey: "testdata/sys"})
	m := newMachine(ctx, Config{PID: 200})
	var k Tick
	m.fill(ctx, &k)
	assert.True(t, k.ServerRSS.Has())
	assert.False(t, k.ServerRead.Has())
	assert.False(t, k.ServerWritten.Has())
	assert.Contains(t, strings.Join(m.sources(), "\n"), "disk traffic: absent: read "+root)
}

func TestTier3Device(t *testing.T) {
	ctx := recorded(t.Context(), "before")
	for path, want := range map[string]string{
		"/mnt/aidaptiv cache":   "device 259:1 (/dev/nvme1n1, xfs at /mnt/aidaptiv cache)",
		"/mnt/aidaptiv cache2/": "device 259:4 (/dev/nvme0n1p3, ext4 at /mnt)",
		"/data/kv":              "device sda (/dev/sda, btrfs at /data)",
		"/":                     "device 259:2 (/dev/nvme0n1p2, ext4 at /); it holds the system as well",
		"/tmp/none":             "absent: /tmp/none is on /tmp (tmpfs), which has no block device",
		"/net/kv":               "absent: /net/kv is on /net (nfs4), which has no block device",
	} {
		var d disks
		d.find(ctx, path)
		var k Tick
		d.fill(ctx, &k)
		assert.Contains(t, d.tier3Text, want, path)
		assert.Equal(t, !strings.HasPrefix(want, "absent"), k.Tier3Read.Has(), path)
	}
}

func TestTrafficNeverFalls(t *testing.T) {
	var c traffic
	for _, step := range []struct{ sum, want int64 }{{500, 0}, {700, 200}, {600, 200}, {800, 300}} {
		assert.Equal(t, some(step.want), c.count(step.sum))
	}
}

// The process tree of this test is found for real: the test and a child.
func TestThisProcess(t *testing.T) {
	m := newMachine(t.Context(), Config{PID: os.Getpid()})
	var k Tick
	m.fill(t.Context(), &k)
	rss, ok := k.ServerRSS.Get()
	assert.True(t, ok && rss > 1<<20, "RSS %d %v", rss, ok)
}

func FuzzMountOf(f *testing.F) {
	b, err := os.ReadFile("testdata/before/self/mountinfo")
	require.NoError(f, err)
	f.Add("/mnt/aidaptiv cache/x", string(b))
	f.Add("/", "1 0 8:1 / / - ext4 /dev/sda1")
	f.Add("/a", `1 0 8:1 / /\ - ext4 \04`)
	f.Fuzz(func(t *testing.T, path, info string) {
		m, ok := mountOf(path, info)
		if ok && !holds(m.point, path) {
			t.Fatal(errors.New("a mount that doesn't hold the path"))
		}
	})
}
