package stage

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"aibench/harness/record"
)

// oomCounts are the kernel's counts of out-of-memory kills at one moment.
type oomCounts struct {
	file    string            // the cgroup's counter file; "": none found
	group   record.Opt[int64] // kills in the process's cgroup
	machine record.Opt[int64] // kills on the whole machine
}

// oomWatch remembers the counts from before the server could be killed.
type oomWatch struct {
	mu    sync.Mutex
	first oomCounts
}

func watchOOM(pid int) *oomWatch { return &oomWatch{first: readOOMCounts(pid)} }

// after reads the counts once the process has ended. Its group is the one it was
// last seen in: cgroup v1 says of a zombie that it is in the root group.
func (w *oomWatch) after() oomCounts {
	file := w.before().file
	return oomCounts{file: file, group: counterIn(file, "oom_kill"), machine: counterIn(vmstatFile, "oom_kill")}
}

func (w *oomWatch) before() oomCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

// renew follows a process that moves to another cgroup after its start, as a
// launcher such as systemd-run makes it. The count of one that stayed is not
// touched: a child may have been killed already.
func (w *oomWatch) renew(pid int) {
	now := readOOMCounts(pid)
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.file != "" && now.file != w.first.file {
		w.first.file, w.first.group = now.file, now.group
	}
}

// judgeOOM tells whether the kernel killed a process of the server's cgroup for
// lack of memory between two counts, and what that rests on. It is absent where
// nothing that could be read decides it.
func judgeOOM(before, after oomCounts) (record.Opt[bool], string) {
	b, okB := before.group.Get()
	a, okA := after.group.Get()
	if okB && okA && before.file == after.file {
		return record.Some(a > b), fmt.Sprintf("%s: oom_kill %d -> %d", after.file, b, a)
	}
	b, okB = before.machine.Get()
	a, okA = after.machine.Get()
	switch {
	case !okB || !okA:
		return record.Opt[bool]{}, ""
	case a == b:
		return record.Some(false), fmt.Sprintf("%s: oom_kill stayed at %d", vmstatFile, a)
	}
	return record.Opt[bool]{}, fmt.Sprintf("%s: oom_kill %d -> %d, but which process was killed can't be told: "+
		"no cgroup count of the server", vmstatFile, b, a)
}

const vmstatFile = "/proc/vmstat"

// counterIn reads "name value" from a file of such lines.
func counterIn(file, name string) record.Opt[int64] {
	f, err := os.Open(file)
	if err != nil {
		return record.Opt[int64]{}
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), " "); ok && key == name {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				return record.Some(n)
			}
		}
	}
	return record.Opt[int64]{}
}
