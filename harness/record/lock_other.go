//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package record

import (
	"errors"
	"io/fs"
	"os"
)

// openLock has no lock of the system to go by here: the file's existence is the lock,
// and one left by a killed process has to be removed by hand.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	holder := "pid unknown"
	if old, oerr := os.Open(path); oerr == nil {
		holder = readHolder(old)
		old.Close()
	}
	return nil, &heldError{holder + "; if it is no longer running, remove " + path}
}

func (l *fileLock) release() {
	l.f.Close()
	os.Remove(l.path)
}
