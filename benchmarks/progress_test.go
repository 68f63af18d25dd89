package benchmarks

import (
	"io"
	"os"

	"golang.org/x/term"
)

// forPeople chooses where progress and the summary go. `go test` joins our standard
// error to our standard output, where a stray line breaks the benchmark line around
// it: then people are told on the controlling terminal, or not at all.
func forPeople() (progress, summary io.Writer, bar bool) {
	if !sameFile(os.Stdout, os.Stderr) {
		return os.Stderr, os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))
	}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		return io.Discard, os.Stderr, false // the lines themselves show how far it is
	}
	if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		return tty, tty, false // stays open until the process ends
	}
	return io.Discard, io.Discard, false
}

func sameFile(a, b *os.File) bool {
	sa, errA := a.Stat()
	sb, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}
