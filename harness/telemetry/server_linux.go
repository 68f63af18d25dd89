package telemetry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"aibench/harness/record"
)

// scanEvery is how often new processes are looked for.
const scanEvery = time.Second

// server sums memory and disk traffic over the server's process tree.
type server struct {
	serverCounts
	file     slurp
	tree     []int        // members alive
	seen     map[int]bool // all processes at the last scan: parentage into the tree is settled at birth
	nextScan time.Time
}

func (s *server) fill(ctx context.Context, t *Tick, pid int) {
	if s.change(pid) {
		s.tree, s.seen, s.nextScan = []int{pid}, map[int]bool{pid: true}, time.Time{}
	}
	if now := time.Now(); !now.Before(s.nextScan) {
		s.scan(ctx)
		s.nextScan = now.Add(scanEvery)
	}
	var rss, read, written record.Opt[int64]
	readable := true
	s.tree = slices.DeleteFunc(s.tree, func(pid int) bool {
		bytes, err := s.resident(ctx, pid)
		if err != nil {
			return true // it has ended
		}
		rss = plus(rss, record.Some(bytes))
		if r, w, err := s.io(ctx, pid); err == nil {
			read, written = plus(read, record.Some(r)), plus(written, record.Some(w))
		} else if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			readable = false
			s.ioText = reason(err)
		}
		return false
	})
	if !readable { // a sum over some of the processes would be no sum
		read, written = record.Opt[int64]{}, record.Opt[int64]{}
	} else if read.Has() {
		s.ioText = "/proc/PID/io, summed over its process tree"
	}
	if rss.Has() {
		s.rssText = "/proc/PID/statm, summed over its process tree"
	} else if s.rssText == "" {
		s.rssText = "absent: no such process"
	}
	s.put(t, rss, read, written)
}

// scan adds children to the tree. Only processes that weren't there at the last
// scan are looked at, which keeps it cheap beside hundreds of others. A member
// whose parent has died stays one.
func (s *server) scan(ctx context.Context) {
	dir, err := os.Open(hostProc(ctx))
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	present := make(map[int]bool, len(names))
	parent := map[int]int{}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		present[pid] = true
		if !s.seen[pid] {
			if pp, ok := s.parent(ctx, pid); ok {
				parent[pid] = pp
			}
		}
	}
	s.seen = present
	for range len(parent) {
		before := len(s.tree)
		for pid, pp := range parent {
			if slices.Contains(s.tree, pp) {
				s.tree = append(s.tree, pid)
				delete(parent, pid)
			}
		}
		if len(s.tree) == before {
			return
		}
	}
}

// parent reads "pid (name) state ppid ..."; the name may hold anything.
func (s *server) parent(ctx context.Context, pid int) (int, bool) {
	b, err := s.file.read(pidFile(ctx, pid, "stat"))
	if err != nil {
		return 0, false
	}
	_, rest := word(b[bytes.LastIndexByte(b, ')')+1:]) // state
	pp, _, ok := number(rest)
	return int(pp), ok
}

// resident reads "size resident shared ..." in pages.
func (s *server) resident(ctx context.Context, pid int) (int64, error) {
	b, err := s.file.read(pidFile(ctx, pid, "statm"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := number(b)
	n, _, ok := number(rest)
	if !ok {
		return 0, errors.New("statm: no figures")
	}
	return n * int64(os.Getpagesize()), nil
}

func (s *server) io(ctx context.Context, pid int) (read, written int64, err error) {
	b, err := s.file.read(pidFile(ctx, pid, "io"))
	if err != nil {
		return 0, 0, err
	}
	read, ok1 := afterName(b, "\nread_bytes: ")
	written, ok2 := afterName(b, "\nwrite_bytes: ")
	if !ok1 || !ok2 {
		return 0, 0, errors.New("io: no figures")
	}
	return read, written, nil
}

func afterName(b []byte, name string) (int64, bool) {
	i := bytes.Index(b, []byte(name))
	if i < 0 {
		return 0, false
	}
	n, _, ok := number(b[i+len(name):])
	return n, ok
}
