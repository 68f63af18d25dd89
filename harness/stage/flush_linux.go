package stage

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetTyped drops what was typed before the question was asked: an Enter of an hour
// ago is no answer to it.
func forgetTyped(f *os.File) { _ = unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCIFLUSH) }
