// Package version says which aibench this is.
package version

import (
	"cmp"
	"runtime/debug"
)

// commit is set by the Makefile (-ldflags -X): a compiled suite has no other way to
// know its commit.
var commit string

// String is the module's version or, of a build from source, its commit: "v1.2.0",
// "0a1b2c3d4e5f", with "-dirty" where files were changed; "devel" where nothing is
// known.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return cmp.Or(commit, "devel")
}
