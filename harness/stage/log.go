package stage

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// tailSize bounds what is kept of a server's output as evidence.
const tailSize = 4 << 10

// serverLog is the file to which one server process writes.
type serverLog struct {
	file  *os.File
	start int64 // size when this process started: earlier output is another's
	temp  bool  // no file was asked for; this one is removed in the end
}

func openLog(path string) (*serverLog, error) {
	if path == "" {
		f, err := os.CreateTemp("", "aibench-server-*.log")
		if err != nil {
			return nil, fmt.Errorf("server log: %w", err)
		}
		return &serverLog{file: f, temp: true}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("server log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("server log: %w", err)
	}
	return &serverLog{file: f, start: info.Size()}, nil
}

// tail returns the last output of this process, from the start of a line where
// one is in reach.
func (l *serverLog) tail() string {
	info, err := l.file.Stat()
	if err != nil {
		return ""
	}
	from := max(l.start, info.Size()-tailSize)
	b, err := io.ReadAll(io.NewSectionReader(l.file, from, tailSize))
	if err != nil {
		return ""
	}
	if _, rest, found := bytes.Cut(b, []byte("\n")); found && from > l.start {
		b = rest
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func (l *serverLog) close() {
	l.file.Close()
	if l.temp {
		os.Remove(l.file.Name())
	}
}
