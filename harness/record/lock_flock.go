//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package record

import (
	"errors"
	"os"
	"syscall"
)

func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &heldError{readHolder(f)}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// release removes the file while it is still locked, so that it can't be one that
// another process has locked meanwhile.
func (l *fileLock) release() {
	os.Remove(l.path)
	l.f.Close()
}
