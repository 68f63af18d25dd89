package telemetry

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/shirou/gopsutil/v3/common"
)

// hostFile is a path below /proc or /sys, or where the context or the
// environment say that these are, as gopsutil has it: aibench in a container may
// find the host's tree elsewhere.
func hostFile(ctx context.Context, key common.EnvKeyType, def string, parts ...string) string {
	root := os.Getenv(string(key))
	if env, ok := ctx.Value(common.EnvKey).(common.EnvMap); ok && env[key] != "" {
		root = env[key]
	}
	if root == "" {
		root = def
	}
	return filepath.Join(append([]string{root}, parts...)...)
}

func hostProc(ctx context.Context, parts ...string) string {
	return hostFile(ctx, common.HostProcEnvKey, "/proc", parts...)
}

func hostSys(ctx context.Context, parts ...string) string {
	return hostFile(ctx, common.HostSysEnvKey, "/sys", parts...)
}

func pidFile(ctx context.Context, pid int, name string) string {
	return hostProc(ctx, strconv.Itoa(pid), name)
}

// slurp is a reusable buffer for reading small files whole.
type slurp struct{ buf []byte }

// read returns the content of a file; it is valid until the next read.
func (s *slurp) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if s.buf == nil {
		s.buf = make([]byte, 16<<10)
	}
	n := 0
	for {
		if n == len(s.buf) {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		k, err := f.Read(s.buf[n:])
		n += k
		if err == io.EOF {
			return s.buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// number reads the decimal number at the start of b, after blanks, and returns
// what follows it.
func number(b []byte) (n int64, rest []byte, ok bool) {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
		n, b, ok = n*10+int64(b[0]-'0'), b[1:], true
	}
	return n, b, ok
}

// word cuts the first word off b.
func word(b []byte) (w, rest []byte) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	i := 0
	for i < len(b) && b[i] != ' ' && b[i] != '\n' {
		i++
	}
	return b[:i], b[i:]
}
