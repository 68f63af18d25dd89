// Package version says which aibench this is.
package version

import "runtime/debug"

// String is the module's version and, where the build knows it, the commit:
// "v1.2.0", "devel 0a1b2c3d4e5f" or "devel".
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && v == "devel" {
			v += " " + s.Value[:12]
		}
	}
	return v
}
