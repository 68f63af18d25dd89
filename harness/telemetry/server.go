package telemetry

import (
	"fmt"

	"aibench/harness/record"
)

// traffic counts the server's disk traffic over the session, also across
// restarts. What the first process moved before the session is not counted; a
// restarted one began within it, and all of it counts.
type traffic struct {
	carried int64 // of processes watched before
	base    int64
	last    int64
	begun   bool
}

func (c *traffic) restart() {
	c.carried, c.base, c.begun = c.last, 0, true
}

// count takes the sum over the process tree as it is now. The sum falls when a
// process dies whose parent doesn't inherit its counts; the counter then stands.
func (c *traffic) count(sum int64) record.Opt[int64] {
	if !c.begun {
		c.base, c.begun = sum, true
	}
	c.last = max(c.last, c.carried+sum-c.base)
	return record.Some(c.last)
}

// serverCounts is the part of the server source that is the same on all systems.
type serverCounts struct {
	pid           int // watched now; 0: none yet
	read, written traffic
	rssText       string
	ioText        string
}

// change takes notice of another process id and tells whether it is new.
func (s *serverCounts) change(pid int) bool {
	if pid == s.pid {
		return false
	}
	if s.pid != 0 {
		s.read.restart()
		s.written.restart()
	}
	s.pid = pid
	s.rssText, s.ioText = "", ""
	return true
}

func (s *serverCounts) put(t *Tick, rss record.Opt[int64], read, written record.Opt[int64]) {
	t.ServerRSS = rss
	if r, ok := read.Get(); ok {
		t.ServerRead = s.read.count(r)
	}
	if w, ok := written.Get(); ok {
		t.ServerWritten = s.written.count(w)
	}
}

func (s *serverCounts) notes() []note {
	if s.pid == 0 {
		return []note{{"server", "absent: its process id is not known"}}
	}
	return []note{
		{fmt.Sprintf("server pid %d memory", s.pid), s.rssText},
		{fmt.Sprintf("server pid %d disk traffic", s.pid), s.ioText},
	}
}
