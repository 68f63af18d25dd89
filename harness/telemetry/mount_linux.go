package telemetry

import (
	"strconv"
	"strings"
)

// mount is a line of /proc/self/mountinfo.
type mount struct {
	major, minor   int64
	point          string
	fstype, source string
}

// mountOf finds the mount that holds an absolute path: the longest mount point,
// and of several at the same point the last, which covers the others.
func mountOf(path, mountinfo string) (best mount, found bool) {
	for line := range strings.Lines(mountinfo) {
		m, ok := parseMount(line)
		if ok && holds(m.point, path) && len(m.point) >= len(best.point) {
			best, found = m, true
		}
	}
	return best, found
}

func holds(point, path string) bool {
	return point == "/" || path == point || strings.HasPrefix(path, point+"/")
}

// parseMount reads "id parent major:minor root point options [tags] - type source
// options".
func parseMount(line string) (mount, bool) {
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !ok || len(left) < 5 || len(right) < 2 {
		return mount{}, false
	}
	majorText, minorText, _ := strings.Cut(left[2], ":")
	major, err1 := strconv.ParseInt(majorText, 10, 64)
	minor, err2 := strconv.ParseInt(minorText, 10, 64)
	if err1 != nil || err2 != nil {
		return mount{}, false
	}
	return mount{major, minor, unescape(left[4]), right[0], unescape(right[1])}, true
}

// unescape undoes the octal escapes (\040 for a blank) of mountinfo.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
