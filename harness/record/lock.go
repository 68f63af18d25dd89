package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// fileLock is an exclusive lock that the system gives up when its process dies. It is
// a file of its own, with the holder's process id for the message to whoever comes
// second. (The id in the journal's last session won't do: a process holds the journal
// long before its session begins, while the server starts, and the session found there
// is then that of another.)
type fileLock struct {
	path string
	f    *os.File
}

// heldError says that the lock is another's.
type heldError struct{ holder string }

func (e *heldError) Error() string { return "held by " + e.holder }

// heldBy tells who holds the lock that err is about.
func heldBy(err error) (holder string, held bool) {
	var h *heldError
	if !errors.As(err, &h) {
		return "", false
	}
	return h.holder, true
}

// lockFile takes the lock at path, at once or not at all.
func lockFile(path string) (*fileLock, error) {
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, err
		}
		l := &fileLock{path, f}
		if l.current() {
			if err := l.sign(); err != nil {
				l.release()
				return nil, err
			}
			return l, nil
		}
		// The holder removed the file between our opening and locking it: what we
		// have locked is no longer the file that others will open.
		f.Close()
	}
}

func (l *fileLock) current() bool {
	mine, err := l.f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.path)
	return err == nil && os.SameFile(mine, there)
}

// sign writes our process id into the file.
func (l *fileLock) sign() error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readHolder reads who signed the lock file f.
func readHolder(f *os.File) string {
	b, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return "pid unknown" // it is about to sign
	}
	return fmt.Sprintf("pid %d", pid)
}
