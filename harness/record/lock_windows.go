package record

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset is where the locked byte lies: a lock on Windows also keeps others from
// reading, and the process id at the beginning has to stay readable.
const lockOffset = 1 << 30

func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	at := windows.Overlapped{Offset: lockOffset}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		err = &heldError{readHolder(f)}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// release leaves the file, which others may have open; only the lock matters.
func (l *fileLock) release() { l.f.Close() }
