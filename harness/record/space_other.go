//go:build !(darwin || freebsd || linux || windows)

package record

// FreeSpace is the number of bytes that this user can still write to the disk of the
// folder at path; this system does not say.
func FreeSpace(string) Opt[int64] { return Opt[int64]{} }
