//go:build darwin || freebsd || linux

package record

import "syscall"

// FreeSpace is the number of bytes that this user can still write to the disk of the
// folder at path; absent where the system does not say.
func FreeSpace(path string) Opt[int64] {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return Opt[int64]{}
	}
	return Some(int64(st.Bavail) * int64(st.Bsize))
}
