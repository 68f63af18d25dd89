package record

import "golang.org/x/sys/windows"

// FreeSpace is the number of bytes that this user can still write to the disk of the
// folder at path; absent where the system does not say.
func FreeSpace(path string) Opt[int64] {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return Opt[int64]{}
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return Opt[int64]{}
	}
	return Some(int64(free))
}
