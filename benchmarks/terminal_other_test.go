//go:build !unix

package benchmarks

import "syscall"

// withoutTerminal has nothing to do where there is no /dev/tty.
func withoutTerminal() *syscall.SysProcAttr { return nil }
