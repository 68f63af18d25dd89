package stage

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func readOOMCounts(pid int) oomCounts {
	c := oomCounts{machine: counterIn(vmstatFile, "oom_kill")}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return c
	}
	for _, file := range oomFiles("/sys/fs/cgroup", string(b)) {
		if n := counterIn(file, "oom_kill"); n.Has() {
			c.file, c.group = file, n
			return c
		}
	}
	return c
}

// oomFiles lists where the cgroup of a /proc/PID/cgroup text may count its OOM
// kills: cgroup v1's memory controller where there is one, v2 (also as mounted
// beside v1).
func oomFiles(root, cgroup string) []string {
	var v1, v2 []string
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimRight(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		path := strings.TrimSuffix(parts[2], " (deleted)")
		switch {
		case parts[0] == "0" && parts[1] == "":
			v2 = append(v2, filepath.Join(root, path, "memory.events"), filepath.Join(root, "unified", path, "memory.events"))
		case hasController(parts[1], "memory"):
			v1 = append(v1, filepath.Join(root, "memory", path, "memory.oom_control"))
		}
	}
	return append(v1, v2...)
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}
