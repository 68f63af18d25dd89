package stage

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

func TestJudgeOOM(t *testing.T) {
	none := record.Opt[int64]{}
	n := func(v int64) record.Opt[int64] { return record.Some(v) }
	yes, no, absent := record.Some(true), record.Some(false), record.Opt[bool]{}
	for name, c := range map[string]struct {
		before, after oomCounts
		want          record.Opt[bool]
		says          string
	}{
		"rose":              {oomCounts{"f", n(0), n(4)}, oomCounts{"f", n(1), n(5)}, yes, "f: oom_kill 0 -> 1"},
		"stayed":            {oomCounts{"f", n(2), n(4)}, oomCounts{"f", n(2), n(4)}, no, "f: oom_kill 2 -> 2"},
		"another's kill":    {oomCounts{"f", n(2), n(4)}, oomCounts{"f", n(2), n(9)}, no, "f: oom_kill 2 -> 2"},
		"moved, none":       {oomCounts{"f", n(2), n(4)}, oomCounts{"g", n(3), n(4)}, no, "/proc/vmstat: oom_kill stayed at 4"},
		"moved, some":       {oomCounts{"f", n(2), n(4)}, oomCounts{"g", n(3), n(5)}, absent, "which process was killed can't be told"},
		"no cgroup, none":   {oomCounts{"", none, n(4)}, oomCounts{"", none, n(4)}, no, "stayed at 4"},
		"no cgroup, some":   {oomCounts{"", none, n(4)}, oomCounts{"", none, n(6)}, absent, "oom_kill 4 -> 6"},
		"cgroup is gone":    {oomCounts{"f", n(0), none}, oomCounts{"", none, none}, absent, ""},
		"nothing to be had": {oomCounts{}, oomCounts{}, absent, ""},
	} {
		got, says := judgeOOM(c.before, c.after)
		assert.Equal(t, c.want, got, name)
		assert.Contains(t, says, c.says, name)
	}
}

func TestOOMFiles(t *testing.T) {
	for name, c := range map[string]struct {
		cgroup string
		want   []string
	}{
		"v2":     {"0::/user.slice/run.scope\n", []string{"/c/user.slice/run.scope/memory.events", "/c/unified/user.slice/run.scope/memory.events"}},
		"gone":   {"0::/run.scope (deleted)\n", []string{"/c/run.scope/memory.events", "/c/unified/run.scope/memory.events"}},
		"hybrid": {"5:devices:/\n4:cpu,memory:/a:b\n1:name=systemd:/\n0::/\n", []string{"/c/memory/a:b/memory.oom_control", "/c/memory.events", "/c/unified/memory.events"}},
		"none":   {"rubbish\n1:name=memory2:/\n", nil},
	} {
		assert.Equal(t, c.want, oomFiles("/c", c.cgroup), name)
	}
}

func TestCounterIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "memory.events")
	require.NoError(t, os.WriteFile(file, []byte("low 0\noom 7\noom_kill 3\noom_group_kill 1\n"), 0o644))
	assert.Equal(t, record.Some[int64](3), counterIn(file, "oom_kill"))
	assert.False(t, counterIn(file, "oom_killer").Has())
	assert.False(t, counterIn(file+"x", "oom_kill").Has())
}

// limitedGroup makes a cgroup of 32 MiB below that of this process, or skips where
// it may not.
func limitedGroup(t *testing.T) (procs string) {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no cgroups: ", err)
	}
	for _, file := range oomFiles("/sys/fs/cgroup", string(own)) {
		limit := map[string]string{"memory.oom_control": "memory.limit_in_bytes", "memory.events": "memory.max"}[filepath.Base(file)]
		dir := filepath.Join(filepath.Dir(file), "aibench-stage-test")
		if _, err := os.Stat(filepath.Dir(file)); err != nil {
			continue
		}
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			continue
		}
		t.Cleanup(func() {
			for range 100 { // until the dead are gone from it
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		if os.WriteFile(filepath.Join(dir, limit), []byte("33554432"), 0) == nil {
			// Without a limit on swap it would be swapped out instead; where there is
			// no swap the file may be missing.
			_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0o600)                    // v2
			_ = os.WriteFile(filepath.Join(dir, "memory.memsw.limit_in_bytes"), []byte("33554432"), 0o600) // v1
			return filepath.Join(dir, "cgroup.procs")
		}
	}
	t.Skip("needs a memory cgroup that this user may write")
	return ""
}

// The kernel kills a server in a group of limited memory, and the exit says so.
func TestKernelOOMKill(t *testing.T) {
	procs := limitedGroup(t)
	cfg := testConfig(t, "eater", nil)
	cfg.Env["GROUP"] = procs
	p := start(t, cfg)
	require.NoError(t, p.WaitReady(t.Context()))
	resp, err := http.Get(strings.Replace(cfg.Health, "/health", "/eat", 1))
	if err == nil {
		resp.Body.Close()
		t.Skip("the limit isn't enforced here")
	}
	<-p.Done()
	exit, _ := p.Exited()
	oom, known := exit.OOMKill.Get()
	assert.True(t, known && oom, "%+v", exit)
	assert.Equal(t, "SIGKILL", exit.Signal)
	assert.Contains(t, exit.OOMEvidence, "aibench-stage-test/memory.")
	assert.Contains(t, exit.OOMEvidence, "oom_kill 0 -> 1")
	assert.Contains(t, exit.String(), "killed by SIGKILL (out of memory: ")
}
